#!/bin/busybox sh
# What emulators leave behind, inside the machine of guest.py: a gadget whose process was killed, and
# a port of the virtual hub that was taken away and given to another.

plug() { # SERIAL WAY
    snndev emulate --as "$2" --serial "$1" >"/run/$1" 2>&1 &
    plugged=$!
    n=0
    while ! grep -sq usb: "/run/$1" && [ "$n" -lt 200 ]; do
        sleep 0.1
        n=$((n + 1))
    done
    head -n 1 "/run/$1"
}

count() {
    gadgets=0
    for node in /sys/kernel/config/usb_gadget/*; do
        if [ -e "$node" ]; then gadgets=$((gadgets + 1)); fi
    done
    echo "$gadgets gadgets, $(grep -c functionfs /proc/mounts) mounts"
}

export NO_COLOR=1 LC_ALL=C
mkdir -p /tmp
plug FIRST gadget
kill -KILL "$plugged"
wait "$plugged"
echo "[killed $?]"
sleep 1
count
plug SECOND gadget
count
kill -TERM "$plugged"
wait "$plugged"
echo "[ended $?]"
count

plug THIRD vhci
third=$plugged
kill -STOP "$third"
echo 0 >/sys/devices/platform/vhci_hcd.0/detach
sleep 1
plug FOURTH vhci
kill -CONT "$third"
wait "$third"
echo "[third $?]"
sleep 1
snndev list
kill -TERM "$plugged"
wait "$plugged"
