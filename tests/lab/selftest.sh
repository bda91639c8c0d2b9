#!/bin/bash
# Checks that the lab keeps its promises, on labs of its own: one line for each check,
# exit status 1 when one failed. Takes about a minute with a built image.
#
#   tests/lab/selftest.sh
#
# Much here is quoted for the shell of a host, not for this one.
# shellcheck disable=SC2016
set -uo pipefail # and no -e: a failed check is counted, the others still run

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
lab=$here/../../scripts/lab
first=selftest-$$-a
second=selftest-$$-b
claims=/run/wgops-lab/labs
inotify_limit=/proc/sys/fs/inotify/max_user_instances

[ "$(id -u)" = 0 ] || {
    echo "selftest: needs root, as the lab does" >&2
    exit 2
}

passed=0
failed=0

# check WHAT COMMAND…  passes when COMMAND succeeds.
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok    $what"
    else
        failed=$((failed + 1))
        echo "FAIL  $what"
        printf '%s\n' "$output" | sed 's/^/      | /'
    fi
}

# check_is WHAT EXPECTED COMMAND…  passes when COMMAND prints EXPECTED.
check_is() {
    local what=$1 expected=$2
    shift 2
    check "$what" prints "$expected" "$@"
}

prints() {
    local expected=$1 got
    shift
    got=$("$@" 2>&1)
    [ "$got" = "$expected" ] || {
        printf 'expected:\n%s\ngot:\n%s\n' "$expected" "$got"
        return 1
    }
}

fails() { ! "$@"; }

# turned_away KEY KNOWN_HOSTS USER@ADDRESS  passes when sshd refuses the key (and not
# when the host cannot be reached).
turned_away() {
    local answer
    answer=$(key_login "$@" 2>&1)
    echo "$answer"
    [[ $answer == *'Permission denied'* ]]
}

# key_login KEY KNOWN_HOSTS USER@ADDRESS  with this key and no other.
key_login() {
    ssh -F /dev/null -i "$1" -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
        -o UserKnownHostsFile="$2" "$3" whoami
}

cleanup() {
    WGOPS_LAB=$first "$lab" down
    WGOPS_LAB=$second "$lab" down
}
trap cleanup EXIT

# Milliseconds that COMMAND took.
milliseconds() {
    local begin=${EPOCHREALTIME/./}
    "$@" >/dev/null 2>&1
    echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

connect() { timeout 5 bash -c "exec 3<>/dev/tcp/$1/22"; }

# connect_takes ADDRESS LOWEST HIGHEST  the best of five, in milliseconds.
connect_takes() {
    local best=999999 now
    for _ in 1 2 3 4 5; do
        now=$(milliseconds connect "$1")
        [ "$now" -ge "$best" ] || best=$now
    done
    echo "a TCP connect took $best ms, should be $2 to $3"
    [ "$best" -ge "$2" ] && [ "$best" -le "$3" ]
}

# Prints whatever a lab with this directory and number has on this machine.
traces() {
    local dir=$1 number=$2 process command_line
    [ ! -e "$dir" ] || echo "directory $dir"
    # In every mount namespace, since a host's mounts are in one of its own.
    grep -slE "$dir/|wglab$number-" /proc/[0-9]*/mountinfo | sed 's/^/mount in /'
    ls -d /run/netns/"wglab$number"-* /sys/class/net/"wglab$number" /sys/class/net/"wgl$number"[vt]* \
        /sys/fs/cgroup{,/unified,/systemd}/wgops-lab/"$number"-* \
        "$claims/$number" /run/systemd/nspawn/*/"wglab$number"-* 2>/dev/null
    for process in /proc/[0-9]*; do
        [ "${process#/proc/}" != $$ ] || continue
        command_line=$({ tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null)
        if grep -qE "$dir/|$dir |wglab${number}[- ]" <<<"$command_line"; then echo "process $process: $command_line"; fi
    done
    return 0
}

boot_id() { "$lab" ssh "$1" cat /proc/sys/kernel/random/boot_id; }

# new_boot HOST OLD_BOOT_ID  until the host is back with another one.
new_boot() {
    local now
    for _ in {1..100}; do
        now=$(boot_id "$1" 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$2" ] && return 0
        sleep 0.2
    done
    echo "still boot $now"
    return 1
}

inst_lines() { "$lab" ssh "$1" "apt-get -s upgrade | grep ^Inst"; }
state() { "$lab" list | awk -v host="$1" '$1 == host { print $4 }'; }
link_of() { "$lab" list | awk -v host="$1" '$1 == host { print $5 }'; }

# clock_is_wrong HOST SECONDS  by so much, give or take some seconds.
clock_is_wrong() {
    local there
    there=$("$lab" ssh "$1" sudo date +%s)
    echo "there $there, here $(date +%s)"
    [ $((there - $(date +%s) - $2)) -ge -5 ] && [ $((there - $(date +%s) - $2)) -le 5 ]
}
supervisor_pid() { pgrep -f "supervisor.sh $1 $2\$"; }

echo "# one lab"
export WGOPS_LAB=$first
dir=$("$lab" dir)
inotify_before=$(cat "$inotify_limit")
others_before=$(ls "$claims" 2>/dev/null)
check "the image is built" "$lab" build plain kernel
check "up 3" "$lab" up 3
number=$(cat "$dir/number")
check_is "list names the hosts" "h1 10.213.$number.11 plain up direct
h2 10.213.$number.12 plain up direct
h3 10.213.$number.13 kernel up direct" "$lab" list
took=$(milliseconds "$lab" up 3)
check "up 3 again has nothing to do ($took ms)" [ "$took" -lt 3000 ]

echo "# users"
for user in root ops opspw nosudo fishy audit; do
    check_is "$user can log in" "$user" "$lab" ssh "$user@h1" whoami
done
for operator in alice sam; do
    check_is "$operator's key opens ops" ops key_login "$dir/keys/$operator" "$dir/known_hosts" "ops@10.213.$number.12"
    check "$operator's key does not open root" turned_away "$dir/keys/$operator" "$dir/known_hosts" "root@10.213.$number.12"
done
check "the stranger's key opens nothing" turned_away "$dir/keys/id_stranger" "$dir/known_hosts" "ops@10.213.$number.12"
check_is "ops has sudo without a password" 0 "$lab" ssh ops@h1 sudo -n id -u
check_is "fishy has sudo without a password" 0 "$lab" ssh fishy@h1 sudo -n id -u
check "opspw has no sudo without a password" fails "$lab" ssh opspw@h1 sudo -n id -u
check_is "opspw has sudo with the password" 0 "$lab" ssh opspw@h1 "echo opspw-secret | sudo -S -p '' id -u"
check "nosudo has no sudo" fails "$lab" ssh nosudo@h1 "echo opspw-secret | sudo -S -p '' id -u"
check_is "fishy's shell is tcsh" "/bin/tcsh" "$lab" ssh fishy@h1 'printenv SHELL'

echo "# the hosts are real"
check_is "PID 1 is systemd" systemd "$lab" ssh h1 cat /proc/1/comm
check_is "systemd is content" running "$lab" ssh h1 systemctl is-system-running --wait
check_is "svcd runs" active "$lab" ssh h1 systemctl is-active svcd
check_is "cron runs" active "$lab" ssh h1 systemctl is-active cron
check "there is no Python" fails "$lab" ssh root@h1 'ls /usr/bin /usr/local/bin | grep python'
check "apt's timers are masked" fails "$lab" ssh h1 systemctl is-enabled apt-daily.timer
check_is "exec works without ssh" "h2 0" "$lab" exec h2 'echo "$(hostname) $(id -u)"'
check "hosts have different machine ids" [ "$("$lab" exec h1 cat /etc/machine-id)" != "$("$lab" exec h2 cat /etc/machine-id)" ]
check_is "hosts reach each other" open "$lab" exec h1 "exec bash -c 'exec 3<>/dev/tcp/10.213.$number.12/22 && echo open'"
check "the inventory names the hosts" grep -q "ansible_host: 10.213.$number.13" "$dir/inventory.yml"

echo "# packages"
security='Debian-Security:12/oldstable-security'
updates='Debian:12-updates/oldstable-updates'
plain_lines="Inst bar [1.0] (1.1 $updates [all])
Inst confpkg [1.0] (1.1 $updates [all])
Inst libfoo [1.0] (1.1 $security [amd64])
Inst svcd [1.0] (1.1 $updates [amd64])"
kernel_lines="Inst bar [1.0] (1.1 $updates [all])
Inst confpkg [1.0] (1.1 $updates [all])
Inst libfoo [1.0] (1.1 $security [amd64])
Inst linux-fake [1.0] (1.1 $security [all])
Inst svcd [1.0] (1.1 $updates [amd64])"
architecture=$(dpkg --print-architecture)
check_is "what waits on h1" "${plain_lines//amd64/$architecture}" inst_lines h1
check_is "the same on h2" "${plain_lines//amd64/$architecture}" inst_lines h2
check_is "and the fake kernel on h3" "${kernel_lines//amd64/$architecture}" inst_lines h3
check_is "heldpkg is on hold" heldpkg "$lab" ssh h1 apt-mark showhold
check "keptback is kept back" "$lab" ssh h1 'apt-get -s upgrade | grep -A1 "kept back" | grep -q keptback'
check "apt-get update works" "$lab" ssh h1 sudo apt-get -q update
check_is "confpkg's file was changed here" '??5?????? c /etc/confpkg.conf' "$lab" ssh h1 dpkg --verify confpkg
check "without an answer confpkg's upgrade stops at the prompt" fails "$lab" ssh h2 \
    'sudo DEBIAN_FRONTEND=noninteractive apt-get -q -y install confpkg < /dev/null'
upgrade='sudo DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold'
check "with one it goes through on h1" "$lab" ssh h1 "$upgrade upgrade"
check "h1 needs no reboot" "$lab" ssh h1 test ! -e /run/reboot-required
check "h1's svcd still has the old library open" "$lab" ssh h1 \
    'sudo grep -q "libfoo.*(deleted)" /proc/$(systemctl show -p MainPID --value svcd)/maps'
check "the upgrade of h3" "$lab" ssh h3 "$upgrade upgrade"
check_is "h3 needs a reboot, for linux-fake" linux-fake "$lab" ssh h3 cat /run/reboot-required.pkgs
check "failpost 1.0 installs" "$lab" ssh h1 "$upgrade install failpost=1.0"
check "failpost 1.1 does not" fails "$lab" ssh h1 "$upgrade install failpost"
check_is "and stays half configured" iF "$lab" ssh h1 "dpkg-query -W -f '\${db:Status-Abbrev}' failpost | xargs"
check "slowpost 1.0 installs on h2" "$lab" ssh h2 "sudo dpkg --force-confold --configure -a && $upgrade install slowpost=1.0 asker=1.0"
took=$(milliseconds "$lab" ssh h2 "$upgrade install slowpost")
check "slowpost 1.1 takes eight seconds ($took ms)" [ "$took" -ge 8000 ]
check "asker 1.1 reads its standard input" "$lab" ssh h2 "echo yes | $upgrade install asker | grep 'asker: got yes'"

echo "# reboot, stop, start, reset"
old=$(boot_id h3)
"$lab" ssh h3 sudo reboot >/dev/null 2>&1
took=$(milliseconds new_boot h3 "$old")
check "a reboot gives h3 a new boot id ($took ms)" new_boot h3 "$old"
check "the reboot took away /run/reboot-required" "$lab" ssh h3 test ! -e /run/reboot-required
check "what was installed before is still there" "$lab" ssh h3 'dpkg-query -W linux-fake | grep -qw 1.1'
check "stop" "$lab" stop h2
check_is "h2 is down" down state h2
check "start" "$lab" start h2
check "h2's disk was kept" "$lab" ssh h2 'dpkg-query -W slowpost | grep -qw 1.1'
check "an orderly shutdown, not a power cut" grep -qx 'supervisor: the machine ended with 0' "$dir/hosts/h2/log"
check "reset of h2" "$lab" reset h2
check_is "h2 is as on its first day" "${plain_lines//amd64/$architecture}" inst_lines h2
"$lab" ssh h2 sudo poweroff >/dev/null 2>&1
for _ in {1..50}; do
    if [ "$(state h2)" = down ]; then break; fi
    sleep 0.2
done
check_is "a host that powers itself off is down" down state h2
check "up brings it back" "$lab" up 3
check "a small disk: up 1 --disk 48M" "$lab" up 1 --name small --disk 48M
check "fills up" "$lab" exec small1 'head -c 60M /dev/zero 2>&1 >/fill | grep "No space left" && rm /fill'

echo "# latency and loss"
check "up 1 --latency 50" "$lab" up 1 --from 4 --latency 50
check "50 ms each way" connect_takes "10.213.$number.14" 100 130
check "the others are near" connect_takes "10.213.$number.11" 0 30
check "net h1 20" "$lab" net h1 20
check "20 ms each way, on a host that had no relay" connect_takes "10.213.$number.11" 40 70
check_is "it still answers" h1 "$lab" ssh h1 hostname
check "net h1 0 100" "$lab" net h1 0 100
sleep 0.5
check "cut off" fails timeout 2 bash -c "exec 3<>/dev/tcp/10.213.$number.11/22"
check "net h1 0 0" "$lab" net h1 0 0
check "near again" connect_takes "10.213.$number.11" 0 30
old=$(boot_id h4)
"$lab" ssh h4 sudo reboot >/dev/null 2>&1
check "a reboot behind the relay" new_boot h4 "$old"

check "slow h1 20000" "$lab" slow h1 20000
took=$(milliseconds "$lab" ssh h1 'head -c 60000 /dev/zero')
check "60 kB take three seconds ($took ms)" [ "$took" -ge 3000 ]
check "slow h1 0" "$lab" slow h1 0
check_is "direct again" direct link_of h1
check "cut h1" "$lab" cut h1
took=$(milliseconds timeout 4 bash -c "exec 3<>/dev/tcp/10.213.$number.11/22")
check "nobody says that h1 can't be reached ($took ms)" [ "$took" -ge 4000 ]
check_is "list says so" cut link_of h1
check "heal h1" "$lab" heal h1
check "near again" connect_takes "10.213.$number.11" 0 30

echo "# the clock"
check "clock h1, a year behind" "$lab" clock h1 -31536000
check "everybody there believes it" clock_is_wrong h1 -31536000
check "so apt believes no repository" "$lab" ssh h1 'sudo apt-get -q update 2>&1 | grep "not valid yet"'
check "clock h1 0" "$lab" clock h1 0
check "it is right again" clock_is_wrong h1 0

echo "# other kinds"
for kind in sysvinit real bullseye trixie; do
    "$lab" up 1 --kind "$kind" --name "$kind" >/dev/null 2>&1
    status=$?
    # The mirror lets old releases go one day.
    if [ "$status" = 3 ]; then
        echo "skip  $kind: the mirror has no such release"
        continue
    fi
    check_is "$kind comes up" up state "${kind}1"
    check "sudo, and updates that wait on $kind" "$lab" ssh "${kind}1" 'sudo apt-get -q update && apt-get -s upgrade | grep "^Inst libfoo"'
    check "svcd runs on $kind" "$lab" exec "${kind}1" pgrep svcd
    check "there is no Python on $kind" fails "$lab" exec "${kind}1" 'ls /usr/bin /usr/local/bin | grep python'
done
if [ "$(state sysvinit1)" = up ]; then
    check_is "PID 1 is not systemd" init "$lab" ssh sysvinit1 cat /proc/1/comm
    check "and there is no systemctl" fails "$lab" ssh sysvinit1 'command -v systemctl'
    check_is "sh is busybox" /usr/bin/busybox "$lab" ssh sysvinit1 readlink -f /bin/sh
    check "stop of sysvinit1" "$lab" stop sysvinit1
    check "was an orderly shutdown" grep -qx 'supervisor: the machine ended with 0' "$dir/hosts/sysvinit1/log"
    check "start" "$lab" start sysvinit1
    old=$(boot_id sysvinit1)
    "$lab" ssh sysvinit1 sudo reboot >/dev/null 2>&1
    check "a reboot without systemd" new_boot sysvinit1 "$old"
fi
if [ "$(state real1)" = up ]; then
    check "Debian's own updates wait on real1" "$lab" ssh real1 'apt-get -s upgrade | grep "^Inst libc\|^Inst libssl\|^Inst openssh\|^Inst tzdata"'
fi
check "power cut while a package is set up" "$lab" exec h2 \
    'apt-get -q -y install slowpost=1.0 >/dev/null && (apt-get -q -y install slowpost >/dev/null 2>&1 &) && until pgrep -f "[s]lowpost.postinst"; do sleep 0.1; done'
check "stop --now" "$lab" stop --now h2
check "start" "$lab" start h2
check "leaves dpkg interrupted" "$lab" exec h2 'dpkg --audit | grep slowpost'

echo "# two labs side by side"
check "another lab comes up" env WGOPS_LAB="$second" "$lab" up 2
second_dir=$(WGOPS_LAB=$second "$lab" dir)
second_number=$(cat "$second_dir/number")
check "with another subnet" [ "$number" != "$second_number" ]
check_is "its h1 is another host" h1 ssh -F "$second_dir/ssh_config" root@h1 hostname
check "which the first lab's key does not open" turned_away "$dir/keys/id_ed25519" "$second_dir/known_hosts" \
    "root@10.213.$second_number.11"
check "purge refuses while labs are up" fails "$lab" purge
check "down of the other lab" env WGOPS_LAB="$second" "$lab" down
check_is "leaves nothing of it" "" traces "$second_dir" "$second_number"
check_is "and leaves the first lab alone" h1 "$lab" ssh h1 hostname

echo "# crashes"
kill -KILL "$(supervisor_pid "$dir" h1)"
sleep 0.3
check_is "a host without its supervisor is seen" orphan state h1
check "up starts it anew" "$lab" up 1
check_is "with its disk" 1.1 "$lab" ssh h1 dpkg-query -W -f '\${Version}' libfoo
kill -KILL "$(supervisor_pid "$dir" h1)"
kill -KILL "$(pgrep -f "relay.py .*--netns wglab$number-h4 ")"
check "down, with a supervisor and a relay killed" "$lab" down
check_is "leaves nothing" "" traces "$dir" "$number"
check "down twice" "$lab" down

{ timeout --signal KILL 0.6 "$lab" up 6; } >/dev/null 2>&1
number=$(cat "$dir/number" 2>/dev/null || echo none)
check "down after an up that was killed half way" "$lab" down
check_is "leaves nothing" "" traces "$dir" "$number"

"$lab" up 2 --latency 5 >/dev/null 2>&1
number=$(cat "$dir/number")
rm -rf --one-file-system "$dir"
check "down after the lab's directory was deleted" "$lab" down
check_is "leaves nothing" "" traces "$dir" "$number"

if [ -z "$others_before$(ls "$claims" 2>/dev/null)" ]; then
    check_is "the kernel's inotify limit is as before" "$inotify_before" cat "$inotify_limit"
else
    echo "skip  the inotify limit: other labs are up"
fi

echo "# wrong calls"
check_is "an unknown verb exits 2" 2 bash -c "'$lab' frobnicate >/dev/null 2>&1; echo \$?"
check_is "up without a number exits 2" 2 bash -c "'$lab' up >/dev/null 2>&1; echo \$?"
check_is "without root it exits 2" 2 bash -c "setpriv --reuid 65534 --clear-groups '$lab' list >/dev/null 2>&1; echo \$?"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
