# Runs as the first process of an emulated machine with two cores. While a run of an ordinary user goes on, root switches the second core
# off and on and steps the wall clock. PHASE tells what was so from one of the run's lines to another one; LINE is one of them; TOOK tells when
# the run began and ended, in seconds. Its threads say how long the kernel has counted them on a core, in ns.
. /wait
T=/bin/tasklab
second=/sys/devices/system/cpu/cpu1/online

mkdir -p /etc
echo "user:x:1000:1000::/tmp:/bin/sh" >/etc/passwd
chmod 1777 /tmp
ordinary() { start-stop-daemon -S -c 1000:1000 -x $T -- "$@"; }
uptime() { cut -d ' ' -f 1 /proc/uptime; }
lines() { wc -l </tmp/lines; }
# How many sums were told, after so many lines, of threads that were on this core.
sums() { tail -n +$(($2 + 1)) /tmp/lines | grep '"kind":"task.cpu"' | grep -c "\"cores\":\[[01,]*$1[],]"; }
has_sums() { [ "$(sums $1 $2)" -ge $3 ]; }

# Says from which line on, and up to which, something was so: for six sums at least, and not while it has just begun.
phase() {
    until_it has_sums 0 $(lines) 4
    from=$(lines)
    until_it has_sums 0 $from 6
    echo "PHASE $1 $from $(lines)"
}

echo 2 >/proc/sys/kernel/perf_event_paranoid
echo 0 >$second || echo "the second core cannot be switched off"
date -s @1700000000 >/dev/null
began=$(uptime)
busy='while [ ! -e /tmp/stop ]; do :; done; read ran rest </proc/self/schedstat; echo "$$ $ran"'
ordinary exec --json -- sh -c "sh -c '$busy' & sh -c '$busy' & sleep 1; wait" >/tmp/lines </dev/null &
ours=$!
until_it has_sums 0 0 2
phase off
echo 1 >$second
from=$(lines)
until_it has_sums 1 $from 4
echo "PHASE on $from $(lines)"
echo 0 >$second
phase off
date -s @1800000000 >/dev/null
phase off
date -s @1600000000 >/dev/null
phase off
echo 1 >$second
from=$(lines)
until_it has_sums 1 $from 4
echo "PHASE on $from $(lines)"
touch /tmp/stop
wait $ours
echo "STATUS $?"
echo "TOOK $began $(uptime)"
sed 's/^/LINE /' /tmp/lines
echo "END"
