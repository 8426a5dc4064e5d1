#!/bin/sh
# logits.sh PROGRAM SOURCE_ROOT: the bundled digits, and MNIST from the folder that SNN_SHARED names.
exec "$1" "$2/data/lenet.json" \
    "$2/data/digits/digits-images-idx3-ubyte.gz" "$2/tests/golden/lenet-digits-logits.npy" \
    "${SNN_SHARED:-SNN_SHARED is not set}/mnist/t10k-images-idx3-ubyte.gz" \
    "$2/tests/golden/lenet-mnist-logits.npy"
