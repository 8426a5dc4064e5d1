#!/bin/sh
# throughput.sh PROGRAM MODEL: the reference work on the MNIST test set if SNN_SHARED names a folder
# with it, else on the bundled digits; then the peak memory of 10,000 images in a process of its own.
mnist=${SNN_SHARED:-}/mnist/t10k-images-idx3-ubyte.gz
[ -f "$mnist" ] || exec "$1" "$2"
"$1" "$2" "$mnist" 1000 3 && echo && "$1" "$2" "$mnist" 10000 1
