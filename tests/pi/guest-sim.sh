# Runs as the first process of an emulated machine with gpio-sim: lines that can be pulled and read from outside, through sysfs.
T=/bin/tasklab
mount -t configfs c /sys/kernel/config
bank=/sys/kernel/config/gpio-sim/t
mkdir -p $bank/b
echo 32 >$bank/b/num_lines
echo header >$bank/b/label
mkdir $bank/b/line6
echo GPIO6 >$bank/b/line6/name
mkdir $bank/b/line6/hog
echo "somebody else" >$bank/b/line6/hog/name
echo input >$bank/b/line6/hog/direction
echo 1 >$bank/live
SIM=/sys/devices/platform/$(cat $bank/dev_name)/$(cat $bank/b/chip_name)
BOARD=chardev:header

# Waits until a command holds; two minutes are only against hangs. `tries` says how many tenths it took.
wait_until() {
    tries=0
    until eval "$1"; do
        [ $tries -lt 1200 ] || { echo "WAITED in vain: $1"; return; }
        sleep 0.1
        tries=$((tries + 1))
    done
}
shows() { [ "$(cat $SIM/sim_gpio$1/$2)" = $3 ]; }
owns() { $T gpio list --board $BOARD | grep "^$1 " | grep -q tasklab; }
tells() { [ "$(grep -c '"kind":"gpio"' $1)" -ge $2 ]; }

$T gpio list --board $BOARD | sed -n '1p;31p'
echo "STATUS list $?"

# A line that somebody holds is refused, with the name.
$T gpio set --board $BOARD --for 1 GPIO6=1 2>&1 | sed 's/^/BUSY /'

# Driven, and read from outside.
$T gpio set --board $BOARD GPIO17=1 &
driver=$!
wait_until "shows 17 value 1"
echo "OUTSIDE high $(cat $SIM/sim_gpio17/value)"
$T gpio list --board $BOARD | sed -n 's/^11 /OWNER /p'
$T gpio set --board $BOARD --for 1 GPIO17=0 2>&1 | sed 's/^/TWICE /'
kill -TERM $driver
wait $driver
echo "STATUS set $?"
echo "OUTSIDE low $(cat $SIM/sim_gpio17/value)"

# Pulled from outside, and told with the kernel's times.
$T gpio watch --board $BOARD --count 4 --json GPIO5 >/tmp/watch &
watcher=$!
wait_until "owns 29"
count=0
for pull in pull-up pull-down pull-up pull-down; do
    echo $pull >$SIM/sim_gpio5/pull
    count=$((count + 1))
    wait_until "tells /tmp/watch $count"
done
wait $watcher
echo "STATUS watch $?"
sed 's/^/EDGE /' /tmp/watch

# A resistor of our own.
$T gpio watch --board $BOARD --pull up GPIO7 &
watcher=$!
wait_until "shows 7 pull pull-up"
echo "BIAS $(cat $SIM/sim_gpio7/pull)"
kill -TERM $watcher
wait $watcher

# What bounces in less than two seconds is one change; the last one, to low, says that the first has no more to it.
$T gpio watch --board $BOARD --debounce 2 --count 2 --json GPIO8 >/tmp/bounce &
watcher=$!
wait_until "owns 24"
for pull in pull-up pull-down pull-up pull-down pull-up; do echo $pull >$SIM/sim_gpio8/pull; done
wait_until "tells /tmp/bounce 1"
echo pull-down >$SIM/sim_gpio8/pull
wait $watcher
sed 's/^/BOUNCE /' /tmp/bounce

# An app that is killed leaves the line low.
for round in 1 2 3 4 5; do
    $T gpio set --board $BOARD GPIO17=1 &
    driver=$!
    wait_until "shows 17 value 1"
    kill -KILL $driver
    wait_until "shows 17 value 0"
    echo "SAFE $round $(cat $SIM/sim_gpio17/value) after $tries tenths"
    wait $driver
done
echo "END"
