#!/bin/sh
# What an account may have asked of this host that may change nothing: the questions of wgops that stand below, and no
# other program. Written by 'wgops access sync'; sshd starts it for every login of the account, whatever is asked of sshd.
#
# Standard input has lines: `wgops-ask 1`; a mark of 32 hexadecimal digits; then for each question
# `ask NUMBER DIGEST COUNT` and COUNT arguments, a line each, escaped as `printf %b` undoes it. What is read is compared or
# handed to a question as an argument, never evaluated. Answers stand between marks on both output streams.
case ${SSH_ORIGINAL_COMMAND-} in
*sftp* | scp\ * | rsync\ *)
    # Else both sides wait for the other one to begin.
    echo "wgops: this account answers wgops' questions; it takes and gives no files" >&2
    exit 2
    ;;
esac
case ${1-} in
ask) ;;
# Nothing that the other side can set (LC_ variables, the command that it wanted) comes any further.
*) exec /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C HOME=/nonexistent \
    /bin/sh "$0" ask ;;
esac
umask 022
ulimit -c 0 2>/dev/null
ulimit -t 900 2>/dev/null
ulimit -v 4194304 2>/dev/null
cd / || exit 1
wgops_refuse() {
    echo "wgops: $1" >&2
    exit 2
}
# wgops_number WORD  whether it is a number of at most six digits.
wgops_number() {
    case $1 in '' | *[!0-9]* | ???????*) return 1 ;; esac
}
# wgops_hexadecimal WORD DIGITS
wgops_hexadecimal() {
    case $1 in *[!0-9a-f]*) return 1 ;; esac
    [ "${#1}" = "$2" ]
}
# wgops_own_facts  where local facts are that nobody but root can have put there; else a place without any.
wgops_own_facts() {
    wgops_odd=$(find /etc/ansible /etc/ansible/facts.d -maxdepth 1 \( ! -user root -o -type l -o -perm -020 -o -perm -002 \) 2>/dev/null)
    if [ -z "$wgops_odd" ]; then echo /etc/ansible/facts.d; else echo /nonexistent; fi
}
