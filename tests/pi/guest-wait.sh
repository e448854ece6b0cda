# For the scripts of the guests, which have started a program: $ours is its PID.

# Waits until a condition holds, as long as that program lives, and at most a minute.
until_it() {
    tenths=0
    while ! "$@" && kill -0 $ours 2>/dev/null; do
        sleep 0.1
        tenths=$((tenths + 1))
        if [ $tenths -ge 600 ]; then
            echo "waited in vain: $*"
            return
        fi
    done
}
