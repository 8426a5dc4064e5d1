#!/bin/busybox sh
# Programs on a virtual chip, inside the machine of guest.py: each argument is one with its own
# arguments. The chip is attached by Debian's tool usbip where the machine has it, else plugged in by
# vhci.

say() {
    echo "\$ $*"
    "$@" >/run/out 2>/run/err
    status=$?
    cat /run/out /run/err
    echo "[status $status]"
}

await() { # TEXT COMMAND...: until COMMAND prints TEXT, or 20 s
    text=$1
    shift
    n=0
    while ! "$@" 2>&1 | grep -q "$text" && [ "$n" -lt 200 ]; do
        sleep 0.1
        n=$((n + 1))
    done
}

emulate() { # WAY READY
    snndev emulate --as "$1" >/run/emulated 2>&1 &
    emulator=$!
    await "$2" cat /run/emulated
}

ended() {
    wait "$emulator"
    echo "[emulator $?]"
    cat /run/emulated
    await "no device" snndev list
    say snndev list
}

export NO_COLOR=1 LC_ALL=C
if [ -x /bin/usbip ]; then
    busybox ifconfig lo 127.0.0.1 up
    # The tool keeps there what it attached.
    mkdir /var
    ln -s /run /var/run
    emulate usbip :3240
    say usbip list -r 127.0.0.1
    say usbip attach -r 127.0.0.1 -b 9-9
    say usbip attach -r 127.0.0.1 -b 1-1
else
    emulate vhci usb:
fi
await ready snndev list
say snndev list
cd /data || exit
for line; do
    # shellcheck disable=SC2086
    say $line
done
if [ -x /bin/usbip ]; then
    say usbip port
    say usbip detach -p 00
    ended
    emulate usbip :3240
    say usbip attach -r 127.0.0.1 -b 1-1
    await ready snndev list
    say snndev list
fi
kill -TERM "$emulator"
ended
