# Asks a URL with what the host has: curl, else GNU or busybox' wget, else perl for plain http.
#
# request METHOD URL LIMIT CERTIFICATES FOLLOW OUT BODY PROXY AGENT CERT KEY CA [HEADER...]
#
# LIMIT is in seconds; CERTIFICATES, PROXY: yes or no; FOLLOW: yes, no, or ask, where it is not followed and that is said, for
# whoever asks to decide; OUT: - (behind the head), or a file. BODY: no, or yes where
# descriptor 3 has it. AGENT, CERT, KEY, CA may be empty. Nothing secret stands in an argument of a program.
# Where the variable `into` is set, the body goes to that file. Which program it was is printed first (with `ask`, that stands behind it), and last, on standard error, how long it took.

# What curl reads as a setting: quotes and backslashes are escaped.
setting() {
  printf '%s = "%s"\n' "$1" "$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')"
}
request() {
  method=$1 url=$2 limit=$3 certificates=$4 follow=$5 out=${into:-$6} body=$7 proxy=$8 agent=$9
  shift 9
  cert=$1 key=$2 ca=$3
  shift 3
  began=$(date +%s)
  request_with "$@"
  status=$?
  echo "elapsed $(($(date +%s) - began))" >&2
  return "$status"
}
# The status code of what `request` printed and complained of, in two files.
code_of() {
  case $(head -n 1 "$1") in
  curl) tail -n 1 "$1" | cut -d' ' -f1 ;;
  wget) sed -n 's/^ *HTTP\/[0-9.]* \([0-9][0-9]*\).*/\1/p' "$2" | tail -n 1 ;;
  *) sed -n '2s/^HTTP\/[0-9.]* \([0-9][0-9]*\).*/\1/p' "$1" ;;
  esac
}
request_with() {
  if command -v curl >/dev/null 2>&1; then with_curl "$@"; return; fi
  if command -v wget >/dev/null 2>&1; then
    if wget --version 2>/dev/null | grep -q 'GNU Wget'; then with_gnu_wget "$@"; return; fi
    if [ "$#$cert$key$ca" = 0 ] && [ "$follow$body" = yesno ]; then
      case $method in GET | HEAD) with_small_wget; return ;; esac
    fi
  fi
  if [ "$#$cert$key$ca" = 0 ] && [ "$method$follow$body" = GETyesno ] && [ -n "${into-}" ] &&
    [ -x /usr/lib/apt/apt-helper ]; then
    with_apt
    return
  fi
  case $url in http://*)
    if command -v perl >/dev/null 2>&1; then with_perl "$@"; return; fi
    ;;
  esac
  if [ "$follow" = ask ] && command -v wget >/dev/null 2>&1; then
    echo "later this host has no curl, and a wget that goes wherever it is sent"
    return
  fi
  case $url in
  http://*) echo "unable this host has no curl, wget or perl that can ask for this" ;;
  *) echo "unable this host has no curl, and no wget that can ask for this over https" ;;
  esac
}
# Which program it is.
with() {
  case $follow in ask) echo "$1 ask" ;; *) echo "$1" ;; esac
}
with_curl() {
  with curl
  {
    setting url "$url"
    for header in "$@"; do setting header "$header"; done
    case $method in
    HEAD) echo head ;;
    GET) [ "$body" = no ] || setting request GET ;;
    *) setting request "$method" ;;
    esac
    [ "$body" = no ] || setting data-binary @/dev/fd/3
    [ -z "$agent" ] || setting user-agent "$agent"
    [ -z "$cert" ] || setting cert "$cert"
    [ -z "$key" ] || setting key "$key"
    [ -z "$ca" ] || setting cacert "$ca"
    [ "$certificates" = yes ] || echo insecure
    [ "$follow" != yes ] || printf 'location\nmax-redirs = 10\n'
    [ "$out" = - ] || setting output "$out"
    [ "$proxy" = yes ] || setting noproxy '*'
  } | curl -q -sS -g --proto =http,https -D - --max-time "$limit" \
    -w '\n%{http_code} %{num_redirects} %{url_effective}' -K -
}
with_gnu_wget() {
  with wget
  # It reads secrets from files only, and those can be no pipes: from files that have lost their names before anything is
  # written into them, in memory where there is such a place. They are gone with their descriptors.
  place=/dev/shm
  [ -d "$place" ] && [ -w "$place" ] || place=${TMPDIR:-/tmp}
  if [ "$#" -gt 0 ]; then
    nameless=$(umask 077; mktemp "$place/.wgops.XXXXXXXXXX") || return 1
    exec 6>"$nameless" 7<"$nameless"
    rm -f -- "$nameless"
    for header in "$@"; do printf 'header = %s\n' "$header"; done >&6
    exec 6>&-
    set -- --config=/dev/fd/7
  else
    set -- --no-config
  fi
  if [ "$body" = yes ]; then
    nameless=$(umask 077; mktemp "$place/.wgops.XXXXXXXXXX") || return 1
    exec 6>"$nameless" 8<"$nameless"
    rm -f -- "$nameless"
    cat <&3 >&6
    exec 6>&-
    set -- "$@" --body-file=/dev/fd/8
  fi
  set -- "$@" -S -nv -T "$limit" --tries=1 --content-on-error -O "$out"
  case $method in GET) [ "$body" = no ] || set -- "$@" --method=GET ;; *) set -- "$@" --method="$method" ;; esac
  [ -z "$agent" ] || set -- "$@" --user-agent="$agent"
  [ -z "$cert" ] || set -- "$@" --certificate="$cert"
  [ -z "$key" ] || set -- "$@" --private-key="$key"
  [ -z "$ca" ] || set -- "$@" --ca-certificate="$ca"
  [ "$certificates" = yes ] || set -- "$@" --no-check-certificate
  [ "$follow" = yes ] || set -- "$@" --max-redirect=0
  [ "$proxy" = yes ] || set -- "$@" --no-proxy
  wget "$@" -- "$url"
  status=$?
  exec 7<&- 8<&-
  return "$status"
}
with_small_wget() {
  echo wget
  set -- -S -O "$out"
  [ -z "$agent" ] || set -- "$@" -U "$agent"
  [ "$certificates" = yes ] || set -- "$@" --no-check-certificate
  [ "$method" != HEAD ] || set -- "$@" --spider
  [ "$proxy" = yes ] || set -- "$@" -Y off
  # busybox's own limit (-T) ends in a crash on Debian 12, so somebody else looks at the clock there.
  watched=
  if command -v timeout >/dev/null 2>&1; then watched="timeout $limit"; fi
  $watched wget "$@" -- "$url"
  status=$?
  [ "$status" != 143 ] && [ "$status" != 124 ] || echo "no answer within $limit s" >&2
  return "$status"
}
# Every Debian has this for its packages; it says nothing of the head.
with_apt() {
  echo apt
  set -- -o "Acquire::http::Timeout=$limit" -o "Acquire::https::Timeout=$limit" -o Acquire::Retries=0
  [ "$certificates" = yes ] || set -- "$@" -o Acquire::https::Verify-Peer=false -o Acquire::https::Verify-Host=false
  # apt's own proxy is for packages, and may have nothing else.
  plain=DIRECT secure=DIRECT
  if [ "$proxy" = yes ]; then plain=${http_proxy:-DIRECT} secure=${https_proxy:-DIRECT}; fi
  set -- "$@" -o "Acquire::http::Proxy=$plain" -o "Acquire::https::Proxy=$secure"
  /usr/lib/apt/apt-helper -q "$@" download-file "$url" "$out" >&2 || return 1
  printf 'HTTP/1.1 200 OK\n\n'
}
with_perl() {
  with perl
  [ -z "$agent" ] || set -- "$@" "User-Agent: $agent"
  {
    printf '%s\n' "$method" "$url" "$limit" "$out" "$body" "$#" "$@"
    [ "$body" = no ] || cat <&3
  } | perl -e '
    use strict;
    binmode STDIN; binmode STDOUT;
    my $line = sub { my $text = <STDIN>; chomp $text; $text };
    my ($method, $url, $limit, $out, $has_body, $count) = map { $line->() } 1 .. 6;
    my @headers = map { $line->() } 1 .. $count;
    my $body = "";
    if ($has_body eq "yes") { local $/; $body = <STDIN>; $body = "" unless defined $body; }
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
    if ($has_body eq "yes") {
      push @headers, "Content-Length: " . length $body;
      push @headers, "Content-Type: application/x-www-form-urlencoded" unless grep { /^content-type:/i } @headers;
    }
    print {$socket} map({ "$_\r\n" } "$method $path HTTP/1.0", @headers, "Connection: close", ""), $body;
    my ($buffer, $all, $head, $file) = ("", 0, "", undef);
    while (sysread $socket, $buffer, 65536) {
      $all += length $buffer;
      if ($out eq "-") {
        last if $all > 64 << 20;
        print $buffer;
      } elsif ($file) {
        print {$file} $buffer or die "$out: $!\n";
      } else {
        $head .= $buffer;
        if ($head =~ /\r?\n\r?\n/) {
          print substr $head, 0, $+[0];
          open $file, ">", $out or die "$out: $!\n";
          binmode $file;
          print {$file} substr $head, $+[0] or die "$out: $!\n";
        }
      }
    }
    if ($file) { close $file or die "$out: $!\n" }'
}
