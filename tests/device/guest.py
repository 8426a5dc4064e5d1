"""Runs programs of the build in a machine of their own: qemu with Debian's kernel, no root needed.

    guest.py [--module NAME]... [--udev] [--file PATH[:PLACE]]... [--timeout S] -- COMMAND [ARG...]

The guest's root is made of the programs named (COMMAND and those of --file, at the same paths as
here unless PLACE says otherwise) with their shared libraries, busybox, and the modules named with
those they need. What COMMAND prints comes out here; its status is this program's, and 77 means that
something to run it with is missing, which the last line says.

SNN_KERNEL_PACKAGE names the linux-image-*.deb (`./dev` gets it by apt-get download); the kernel is
unpacked beside it once, and never installed. qemu emulates: no /dev/kvm is needed.
"""

import argparse
import io
import lzma
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile

SKIP = 77
PACKAGE = "SNN_KERNEL_PACKAGE"
BUSYBOX = "/bin/busybox"
UDEVD = "/lib/systemd/systemd-udevd"
KEPT = re.compile(r"\./(?:usr/)?lib/modules/[^/]+/kernel/(?:drivers/usb|fs/configfs)/.*\.ko(\.xz)?$")
KERNEL = re.compile(r"\./boot/vmlinuz-")
APPLETS = ("cat chmod dd dmesg echo grep head insmod kill ln ls mkdir mount printf rm sh sleep "
           "stty tail umount").split()
DEBUG_EXIT = 0xF4  # a byte n written there ends qemu with status 2 n + 1

# What the kernel starts. ttyS0 is the kernel's console, ttyS1 carries what the command prints.
INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmp /dev/shm
mount -t tmpfs tmp /run
stty raw -echo < /dev/ttyS1
while read -r module options; do insmod "/modules/$module" $options; done < /modules/order
if [ -e /sys/kernel/config ]; then mount -t configfs none /sys/kernel/config; fi
if [ -x {udevd} ]; then {udevd} --daemon --resolve-names=never; fi
export HOME=/ LD_LIBRARY_PATH=/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu PATH=/bin
{environment}
{command} > /dev/ttyS1 2>&1 < /dev/null
status=$?
sleep 0.1
printf "\\\\$(printf %o $status)" | dd of=/dev/port bs=1 seek={port} 2> /dev/null
"""

RULES = 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", MODE="0666"\n'


class Missing(Exception):
    """Something that a guest needs is not here."""


def require(path, package):
    if path is None or not os.access(path, os.R_OK):
        raise Missing(f"{os.path.basename(path or package)} is missing (package {package})")
    return path


# --- Kernel -------------------------------------------------------------------------------------


def uncompressed(image):
    """The kernel inside a bzImage, which boots faster; the image itself where that is not xz."""
    start = image.find(b"\xfd7zXZ\x00")
    if start < 0:
        return image
    return lzma.LZMADecompressor().decompress(image[start:])


def unpack_kernel(package, folder):
    """Takes the kernel and its USB modules out of a package, into a folder that appears as a whole."""
    making = tempfile.mkdtemp(dir=os.path.dirname(folder))
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as deb:
        with tarfile.open(fileobj=deb.stdout, mode="r|") as files:
            for entry in files:
                if KERNEL.match(entry.name):
                    name, content = "vmlinux", uncompressed(files.extractfile(entry).read())
                elif KEPT.match(entry.name):
                    name = os.path.basename(entry.name)
                    content = files.extractfile(entry).read()
                    if name.endswith(".xz"):
                        name, content = name[:-3], lzma.decompress(content)
                else:
                    continue
                with open(os.path.join(making, name), "wb") as file:
                    file.write(content)
    try:
        os.rename(making, folder)
    except OSError:  # another run was faster
        shutil.rmtree(making)


def find_kernel():
    if platform.machine() != "x86_64":
        raise Missing(f"the guest is an x86_64 machine, and this one runs {platform.machine()}")
    package = os.environ.get(PACKAGE)
    if not package:
        raise Missing(f"no kernel: {PACKAGE} names no linux-image package")
    require(package, "linux-image-amd64")
    require(shutil.which("dpkg-deb"), "dpkg")
    folder = os.path.abspath(package) + ".unpacked"
    if not os.path.isdir(folder):
        unpack_kernel(package, folder)
    return folder


def module_order(folder, names):
    """The files of the modules and all that they depend on, in the order of loading. A name may
    have options behind it: "dummy_hcd num=2"."""
    files = {name[:-3].replace("-", "_"): name
             for name in os.listdir(folder) if name.endswith(".ko")}
    order = []

    def add(name):
        name = name.replace("-", "_")
        if name not in files:
            raise Missing(f"the kernel package has no module {name}")
        if files[name] in order:
            return
        with open(os.path.join(folder, files[name]), "rb") as file:
            found = re.search(rb"\0depends=([^\0]*)\0", file.read())
        for needed in (found.group(1).decode().split(",") if found else []):
            if needed:
                add(needed)
        order.append(files[name])

    options = {}
    for name in names:
        name, _, text = name.partition(" ")
        options[name] = text
        add(name)
    by_file = {files[name.replace("-", "_")]: text for name, text in options.items()}
    return [(name, by_file.get(name, "")) for name in order]


# --- Root file system ---------------------------------------------------------------------------


class Archive:
    """A cpio archive of the kind "newc", which the kernel unpacks as its first root."""

    def __init__(self):
        self.out = io.BytesIO()
        self.names = set()

    def entry(self, name, mode, content=b""):
        name = name.strip("/")
        if name in self.names:
            return
        self.names.add(name)
        fields = [len(self.names), mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        self.out.write(b"070701" + b"".join(b"%08x" % field for field in fields))
        self.out.write(name.encode() + b"\0")
        self.pad()
        self.out.write(content)
        self.pad()

    def pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def folder(self, name):
        parts = name.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            self.entry("/".join(parts[:depth]), 0o40755)

    def file(self, name, content, mode=0o755):
        if os.path.dirname(name).strip("/"):
            self.folder(os.path.dirname(name))
        self.entry(name, 0o100000 | mode, content)

    def copy(self, path, place=None):
        with open(path, "rb") as file:
            self.file(place or os.path.abspath(path), file.read())

    def program(self, path, place=None):
        """A file, and where it is a program its shared libraries."""
        self.copy(path, place)
        ldd = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
        for library in re.findall(r"(/\S+) \(0x", ldd.stdout):
            self.copy(library)

    def bytes(self):
        self.entry("TRAILER!!!", 0)
        return self.out.getvalue()


def make_root(arguments, kernel):
    root = Archive()
    for folder in ("dev", "proc", "sys", "run", "tmp", "etc", "usr/lib"):
        root.folder(folder)
    # Debian's merged folders: libraries are named by either path.
    for name in ("lib", "lib64"):
        root.folder("usr/" + name)
        root.entry(name, 0o120777, b"usr/" + name.encode())
    root.copy(require(BUSYBOX, "busybox-static"), "/bin/busybox")
    for applet in APPLETS:
        root.entry("bin/" + applet, 0o120777, b"busybox")
    order = module_order(kernel, arguments.module)
    for name, _ in order:
        root.copy(os.path.join(kernel, name), "/modules/" + name)
    lines = [f"{name} {options}\n" for name, options in order]
    root.file("/modules/order", "".join(lines).encode())
    if arguments.udev:
        root.program(require(UDEVD, "udev"))
        root.file("/etc/udev/rules.d/60-guest.rules", RULES.encode(), 0o644)
    root.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n", 0o644)
    root.file("/etc/group", b"root:x:0:\nnogroup:x:65534:\n", 0o644)
    for spec in arguments.file:
        path, _, place = spec.partition(":")
        root.program(path, place or None)
    root.program(arguments.command[0])
    environment = "".join(f"export {shlex.quote(name)}\n" for name in arguments.env)
    command = [os.path.abspath(arguments.command[0])] + arguments.command[1:]
    init = INIT.format(udevd=UDEVD, environment=environment, command=shlex.join(command),
                       port=DEBUG_EXIT)
    root.file("/init", init.encode())
    return root.bytes()


# --- Machine ------------------------------------------------------------------------------------


def run_machine(arguments, kernel, folder):
    """Boots, passes on what the command prints, and returns its status."""
    initrd, console = os.path.join(folder, "initrd"), os.path.join(folder, "console")
    with open(initrd, "wb") as file:
        file.write(make_root(arguments, kernel))
    machine = [
        "qemu-system-x86_64", "-accel", "tcg,thread=single", "-smp", "2", "-m", "1024",
        "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot",
        "-serial", "file:" + console, "-serial", "stdio",
        "-device", f"isa-debug-exit,iobase={DEBUG_EXIT:#x},iosize=4",
        "-kernel", os.path.join(kernel, "vmlinux"), "-initrd", initrd,
        "-append", "console=ttyS0 panic=-1 quiet mitigations=off nokaslr random.trust_cpu=on "
                   "no_timer_check tsc=reliable",
    ]
    require(shutil.which(machine[0]), "qemu-system-x86")
    try:
        status = subprocess.run(machine, stdin=subprocess.DEVNULL, timeout=arguments.timeout,
                                check=False).returncode
    except subprocess.TimeoutExpired:
        status = None
    if status is not None and status % 2 == 1:
        return status // 2
    with open(console, encoding="utf-8", errors="replace") as file:
        sys.stderr.write(file.read()[-4000:])
    ending = f"after {arguments.timeout} s it was still running" if status is None \
        else f"it ended with status {status}"
    print(f"the guest did not come to its end: {ending}", file=sys.stderr)
    return 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--udev", action="store_true")
    parser.add_argument("--tap", action="store_true", help="say in TAP what is missing")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        kernel = find_kernel()
        with tempfile.TemporaryDirectory() as folder:
            return run_machine(arguments, kernel, folder)
    except Missing as missing:
        print(f"1..0 # SKIP {missing}" if arguments.tap else missing)
        return 0 if arguments.tap else SKIP


if __name__ == "__main__":
    sys.exit(main())
