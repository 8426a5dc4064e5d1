#!/bin/sh
# Fetch the four MNIST files (about 11 MiB) into a folder and check them.
#
# Run:  data/get-mnist.sh [FOLDER]          FOLDER is ./mnist by default
#       MNIST_URL=BASE data/get-mnist.sh    to fetch from another server
# Needs gzip, curl or wget, and sha256sum or shasum. Files already there and right are kept; the
# exit status is 0 only if all four are right. The checksums are those of the uncompressed
# content, since servers differ in how they compress it.
set -u

folder=${1:-mnist}
base=${MNIST_URL:-https://ossci-datasets.s3.amazonaws.com/mnist}

fail() {
    echo "get-mnist: $*" >&2
    exit 1
}

if command -v curl >/dev/null 2>&1; then
    fetch() { curl -fsSL -o "$2" "$1"; }
elif command -v wget >/dev/null 2>&1; then
    fetch() { wget -nv -O "$2" "$1"; }
else
    fail "needs curl or wget"
fi

if command -v sha256sum >/dev/null 2>&1; then
    sha256() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then
    sha256() { shasum -a 256; }
else
    fail "needs sha256sum or shasum"
fi

# right FILE SUM: whether the uncompressed content of FILE has the SHA-256 SUM
right() {
    gzip -t <"$1" 2>/dev/null && [ "$(gzip -dc <"$1" | sha256 | cut -d ' ' -f 1)" = "$2" ]
}

# get NAME SUM: fetch NAME.gz unless a right one is there
get() {
    file=$folder/$1.gz
    if [ -f "$file" ] && right "$file" "$2"; then
        echo "$file: already there"
        return
    fi
    part=$file.part
    if ! fetch "$base/$1.gz" "$part"; then
        rm -f "$part"
        fail "cannot fetch $base/$1.gz"
    fi
    if ! right "$part" "$2"; then
        rm -f "$part"
        fail "$base/$1.gz: wrong content (checksum differs); not kept"
    fi
    mv "$part" "$file" || fail "cannot write $file"
    echo "$file: fetched and checked"
}

mkdir -p "$folder" || fail "cannot make the folder $folder"
trap 'rm -f "${part:-}"' EXIT
trap 'exit 1' HUP INT TERM

get train-images-idx3-ubyte \
    ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
get train-labels-idx1-ubyte \
    65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
get t10k-images-idx3-ubyte \
    0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
get t10k-labels-idx1-ubyte \
    ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
