method=$1 url=$2 limit=$3 certificates=$4 follow=$5 body=$6
shift 6
began=$(date +%s)
ended() {
  echo "elapsed $(($(date +%s) - began))" >&2
  exit "$1"
}
# What curl reads as a setting: quotes and backslashes are escaped. Nothing secret stands in an argument.
setting() {
  printf '%s = "%s"\n' "$1" "$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')"
}
if command -v curl >/dev/null 2>&1; then
  echo curl
  {
    setting url "$url"
    for header in "$@"; do setting header "$header"; done
    [ "$method" != HEAD ] || echo head
    [ "$certificates" = yes ] || echo insecure
    [ "$follow" = no ] || printf 'location\nmax-redirs = 10\n'
    [ "$body" = yes ] || setting output /dev/null
  } | curl -q -sS -g --noproxy '*' --proto =http,https -D - --max-time "$limit" \
    -w '\n%{http_code} %{num_redirects} %{url_effective}' -K -
  ended $?
fi
if [ $# -eq 0 ] && command -v wget >/dev/null 2>&1; then
  gnu=no
  if wget --version 2>/dev/null | grep -q 'GNU Wget'; then gnu=yes; fi
  if [ "$gnu$follow" != nono ]; then
    echo wget
    set -- -S
    [ "$certificates" = yes ] || set -- "$@" --no-check-certificate
    if [ "$gnu" = yes ]; then
      set -- -nv -T "$limit" --no-config --no-proxy --tries=1 --content-on-error "$@"
      [ "$follow" = yes ] || set -- "$@" --max-redirect=0
      [ "$method" != HEAD ] || set -- "$@" --method=HEAD
    elif [ "$method" = HEAD ]; then
      set -- "$@" --spider
    fi
    if [ "$body" = yes ]; then set -- "$@" -O -; else set -- "$@" -O /dev/null; fi
    # busybox's own limit (-T) ends in a crash on Debian 12, so somebody else looks at the clock there.
    watched=
    if [ "$gnu" = no ] && command -v timeout >/dev/null 2>&1; then watched="timeout $limit"; fi
    $watched wget "$@" -- "$url"
    status=$?
    [ "$status" != 143 ] && [ "$status" != 124 ] || echo "no answer within $limit s" >&2
    ended "$status"
  fi
fi
case $url in
http://*)
  if command -v perl >/dev/null 2>&1; then
    echo perl
    printf '%s\n' "$method" "$url" "$limit" "$@" | perl -e '
      use strict;
      chomp(my ($method, $url, $limit, @headers) = <STDIN>);
      my ($place, $path) = $url =~ m{^http://(?:[^/?#]*@)?([^/?#]+)([^#]*)} or die "no address in the URL\n";
      $path = "/$path" unless $path =~ m{^/};
      my ($host, $port) = $place =~ m{^(\[[^\]]*\]|[^:]*)(?::(\d+))?$} or die "no address in the URL\n";
      $host =~ tr/[]//d;
      local $SIG{ALRM} = sub { die "no answer within $limit s\n" };
      alarm $limit;
      my %arguments = (PeerPort => $port || 80, Proto => "tcp", Timeout => $limit);
      my $socket = eval { require IO::Socket::IP; IO::Socket::IP->new(PeerHost => $host, %arguments) }
        || eval { require IO::Socket::INET; IO::Socket::INET->new(PeerAddr => $host, %arguments) }
        or die "no connection to $host: $!\n";
      unshift @headers, "Host: $place" unless grep { /^host:/i } @headers;
      print {$socket} map { "$_\r\n" } "$method $path HTTP/1.0", @headers, "Connection: close", "";
      my ($buffer, $all) = ("", 0);
      while (sysread $socket, $buffer, 65536) {
        last if ($all += length $buffer) > 64 << 20;
        print $buffer;
      }'
    ended $?
  fi
  echo "unable this host has no curl, wget or perl that can ask for this"
  ;;
*) echo "unable this host has no curl, and no wget that can ask for this over https" ;;
esac
