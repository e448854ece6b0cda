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

$T gpio list --board $BOARD | sed -n '1p;31p'
echo "STATUS list $?"

# A line that somebody holds is refused, with the name.
$T gpio set --board $BOARD --for 1 GPIO6=1 2>&1 | sed 's/^/BUSY /'

# Driven, and read from outside.
$T gpio set --board $BOARD --for 2 GPIO17=1 &
driver=$!
sleep 1
echo "OUTSIDE high $(cat $SIM/sim_gpio17/value)"
$T gpio list --board $BOARD | sed -n 's/^11 /OWNER /p'
$T gpio set --board $BOARD --for 1 GPIO17=0 2>&1 | sed 's/^/TWICE /'
wait $driver
echo "STATUS set $?"

# Pulled from outside, and told with the kernel's times.
$T gpio watch --board $BOARD --for 6 --count 4 --json GPIO5 >/tmp/watch &
watcher=$!
sleep 2
for pull in pull-up pull-down pull-up pull-down; do
    echo $pull >$SIM/sim_gpio5/pull
    sleep 0.2
done
wait $watcher
echo "STATUS watch $?"
sed 's/^/EDGE /' /tmp/watch

# A resistor of our own.
$T gpio watch --board $BOARD --for 2 --pull up GPIO7 &
watcher=$!
sleep 1
echo "BIAS $(cat $SIM/sim_gpio7/pull)"
wait $watcher

# What bounces within 50 ms is one change.
$T gpio watch --board $BOARD --for 3 --debounce 0.3 --json GPIO8 >/tmp/bounce &
watcher=$!
sleep 1
for pull in pull-up pull-down pull-up pull-down pull-up; do echo $pull >$SIM/sim_gpio8/pull; done
wait $watcher
echo "COUNT debounced $(grep -c '"kind":"gpio"' /tmp/bounce)"

# An app that is killed leaves the line low.
for round in 1 2 3 4 5; do
    $T gpio set --board $BOARD GPIO17=1 &
    driver=$!
    tries=0
    while [ "$(cat $SIM/sim_gpio17/value)" != 1 ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL $driver
    tries=0
    while [ "$(cat $SIM/sim_gpio17/value)" != 0 ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    echo "SAFE $round $(cat $SIM/sim_gpio17/value) after $tries tenths"
done
echo "END"
