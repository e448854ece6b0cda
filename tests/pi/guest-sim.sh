# Runs as the first process of an emulated machine with gpio-sim: lines that can be pulled and read from outside, through sysfs.
. /wait
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

# Runs a program of ours in the background.
start() {
    "$@" &
    ours=$!
}

shows() { [ "$(cat $SIM/sim_gpio$1/$2)" = "$3" ]; }
is_watched() { grep -q tasklab:gpio /proc/interrupts; }
has_edges() { [ "$(grep -c '"kind":"gpio"' $1)" -ge $2 ]; }
finish() {
    kill -TERM $ours
    wait $ours
}

$T gpio list --board $BOARD | sed -n '1p;31p'
echo "STATUS list $?"

# A line that somebody holds is refused, with the name.
$T gpio set --board $BOARD --for 1 GPIO6=1 2>&1 | sed 's/^/BUSY /'

# Driven, and read from outside.
start $T gpio set --board $BOARD GPIO17=1
until_it shows 17 value 1
echo "OUTSIDE high $(cat $SIM/sim_gpio17/value)"
$T gpio list --board $BOARD | sed -n 's/^11 /OWNER /p'
$T gpio set --board $BOARD --for 1 GPIO17=0 2>&1 | sed 's/^/TWICE /'
finish

# Pulled from outside, and told with the kernel's times.
start $T gpio watch --board $BOARD --count 4 --json GPIO5 >/tmp/watch
until_it is_watched
told=0
for pull in pull-up pull-down pull-up pull-down; do
    echo $pull >$SIM/sim_gpio5/pull
    told=$((told + 1))
    until_it has_edges /tmp/watch $told
done
wait $ours
sed 's/^/EDGE /' /tmp/watch

# A resistor of our own.
start $T gpio watch --board $BOARD --pull up GPIO7
until_it shows 7 pull pull-up
echo "BIAS $(cat $SIM/sim_gpio7/pull)"
finish

# All bounces within two seconds are one change. Only a longer wait can show that no more changes come.
start $T gpio watch --board $BOARD --debounce 2 --json GPIO8 >/tmp/bounce
until_it is_watched
for pull in pull-up pull-down pull-up pull-down pull-up; do echo $pull >$SIM/sim_gpio8/pull; done
until_it has_edges /tmp/bounce 1
sleep 3
finish
echo "COUNT debounced $(grep -c '"kind":"gpio"' /tmp/bounce)"

# An app that is killed leaves the line low.
for round in 1 2 3 4 5; do
    start $T gpio set --board $BOARD GPIO17=1
    until_it shows 17 value 1
    kill -KILL $ours
    tenths=0
    while ! shows 17 value 0 && [ $tenths -lt 200 ]; do sleep 0.1; tenths=$((tenths + 1)); done
    echo "SAFE $round $(cat $SIM/sim_gpio17/value) after $tenths tenths"
done
echo "END"
