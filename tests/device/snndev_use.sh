#!/bin/busybox sh
# What a person does with snndev and a virtual chip on USB, inside the machine of guest.py: plug it
# in as root, look, load, run, be refused as nobody and while it is in use, pull it out.

say() {
    echo "\$ $*"
    "$@"
    echo "[status $?]"
}

export NO_COLOR=1 LC_ALL=C
say snndev list
snndev emulate >/run/emulated 2>&1 &
emulator=$!
n=0
while ! grep -q usb: /run/emulated && [ "$n" -lt 100 ]; do
    sleep 0.1
    n=$((n + 1))
done
cat /run/emulated
# The machine's udev rule gives devices to all; here nobody is to be refused.
chmod 0600 /dev/bus/usb/*/*
say snndev list
say snndev load usb: /data/lenet.json
say snndev load usb: /data/lenet.json
say snndev run usb: /data/lenet.json -n 3
say snndev record usb: /data/lenet.json -n 2 --session /run/tape
say snndev replay /run/tape /data/lenet.json -n 2
say busybox su -s /bin/sh nobody -c "snndev info usb:"
say busybox su -s /bin/sh nobody -c "snndev doctor"
snndev list --watch --seconds 60 >/run/watched 2>&1 &
watcher=$!
snndev monitor usb: /data/lenet.json >/run/monitored 2>&1 &
monitor=$!
n=0
while ! grep -q conv1 /run/monitored && [ "$n" -lt 200 ]; do
    sleep 0.1
    n=$((n + 1))
done
say snndev info usb:
kill -TERM "$emulator"
wait "$emulator"
echo "[emulator $?]"
wait "$monitor"
echo "[monitor $?]"
cat /run/monitored
sleep 1
kill -TERM "$watcher"
wait "$watcher"
echo "[watch $?]"
cat /run/watched
say snndev list
