#!/usr/bin/env python3
"""Debian's mirror for hosts that have no way to the internet: mirror.py ADDRESS:PORT CACHE MIRROR…

A proxy as apt speaks to one. It passes on the files of the MIRRORs and of nothing else, and keeps those that never change
(packages, and lists that are named after their digest) in CACHE. It believes nothing and vouches for nothing: what came is
checked by the apt that asked, by the archive's signatures.
"""

import http.server
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request


def main():
    address, cache, *mirrors = sys.argv[1:]
    Proxy.cache = cache
    Proxy.mirrors = [mirror.rstrip("/") + "/" for mirror in mirrors]
    host, port = address.rsplit(":", 1)
    http.server.ThreadingHTTPServer((host, int(port)), Proxy).serve_forever()


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cache = ""
    mirrors = []

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if not any(self.path.startswith(mirror) for mirror in self.mirrors) or ".." in path.split("/"):
            self.send_error(403, "only the mirror's own files")
        elif "/pool/" in path or "/by-hash/" in path:
            self.kept(os.path.join(self.cache, path.lstrip("/")))
        else:
            self.passed_on()

    def kept(self, file):
        """A file that never changes: fetched once. Two who want it at once fetch it twice; either's is whole."""
        if not os.path.exists(file):
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.cache) as new:
                answer = self.upstream()
                if answer is None:
                    return
                with answer:
                    shutil.copyfileobj(answer, new)
                new.flush()
                os.chmod(new.name, 0o644)
                # Linked into its place: another's copy that came first stays.
                try:
                    os.link(new.name, file)
                except FileExistsError:
                    pass
        with open(file, "rb") as whole:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(whole.fileno()).st_size))
            self.end_headers()
            shutil.copyfileobj(whole, self.wfile)

    def passed_on(self):
        answer = self.upstream()
        if answer is None:
            return
        with answer:
            body = answer.read()
        self.send_response(200)
        for header in ["Last-Modified", "Content-Type"]:
            if answer.headers[header]:
                self.send_header(header, answer.headers[header])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def upstream(self):
        """What the mirror has; where it has nothing, the client is told, and this is None."""
        request = urllib.request.Request(self.path)
        if self.headers["If-Modified-Since"]:
            request.add_header("If-Modified-Since", self.headers["If-Modified-Since"])
        try:
            return urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            self.send_response(error.code)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError as error:
            self.send_error(502, f"the mirror does not answer: {error}")
        return None

    def log_message(self, format, *args):
        sys.stderr.write("mirror: " + format % args + "\n")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
