"""Servers and clips for the tests of camera health: all of them real, on this machine."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

HERE = "127.0.0.1"
LOGIN = ("viewer", "s3cret@1")
GSTREAMER = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
HAS_SERVER = (
    Path("/usr/bin/python3").exists()
    and subprocess.run(["/usr/bin/python3", "-c", GSTREAMER], check=False, capture_output=True).returncode == 0
)
needs_rtsp = pytest.mark.skipif(not HAS_SERVER, reason="no RTSP server on this machine: run tests/install-rtsp-server")


class RtspServer:
    """GStreamer's RTSP server in a process of its own, which can be stopped and killed."""

    def __init__(self, *mounts, login=None, tls=None):
        self.scheme = "rtsps" if tls else "rtsp"
        options = [*(["--login", ":".join(login)] if login else []), *(["--tls", str(tls)] if tls else [])]
        script = Path(__file__).with_name("rtsp_server.py")
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(script), *options, *mounts], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.port = int(self.process.stdout.readline())
        self.stopped_at = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def url(self, mount, login=""):
        return f"{self.scheme}://{login}{HERE}:{self.port}/{mount}"

    def stop(self):
        os.kill(self.process.pid, signal.SIGSTOP)
        self.stopped_at = time.monotonic()

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)


def picture(width=320, height=240, shift=0):
    """A picture with edges everywhere, moved by `shift` pixels."""
    rng = np.random.default_rng(7)
    blocks = rng.integers(0, 255, (-(-height // 16), -(-width // 16), 3), dtype=np.uint8)
    return np.ascontiguousarray(np.roll(blocks.repeat(16, 0).repeat(16, 1)[:height, :width], shift, axis=1))


def make_clip(path, codec="mpeg4", *, width=320, height=240, pictures=50, fps=25):
    """Write a clip of a moving picture; libx264 and libx265 come with PyAV."""
    import av

    options = {
        "libx264": {"preset": "ultrafast", "bf": "0"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"},
    }
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", fps
        for shift in range(pictures):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(width, height, shift), format="bgr24")))
        container.mux(stream.encode())
    return path


def make_sound(path):
    """Write a file that holds sound only."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        stream.layout = "mono"
        for place in range(8):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 1024 * place
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def make_certificate(path):
    """Write a key and the certificate it signs itself, as cameras have them."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=camera"]
    key = path.with_suffix(".key")
    subprocess.run(["openssl", *words, "-keyout", key, "-out", path], check=True, capture_output=True)
    path.write_bytes(key.read_bytes() + path.read_bytes())
    return path


def jpeg(image):
    import cv2

    return cv2.imencode(".jpg", image)[1].tobytes()


@contextlib.contextmanager
def mjpeg_server(parts, *, fps=25, login=None, endless=True, tls=None):
    """Serve JPEG pictures over HTTP one after the other, as a cheap camera does; gives its address.

    `parts` may be a function of the number of the picture.
    """
    expected = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else None

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self):
            if expected and self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
            self.end_headers()
            place = 0
            with contextlib.suppress(OSError):
                while endless or place < len(parts):
                    data = parts(place) if callable(parts) else parts[place % len(parts)]
                    self.wfile.write(
                        b"--part\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(data), data)
                    )
                    place += 1
                    time.sleep(1.0 / fps)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer((HERE, 0), Camera)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://{HERE}:{server.server_address[1]}/video"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def listener(answer=b"", *, drip_s=None):
    """Accept connections and answer each with the same bytes, at once or byte by byte; with none it is a black hole."""
    server = socket.create_server((HERE, 0))
    lines, ended = [], threading.Event()

    def accept():
        while not ended.is_set():
            try:
                line, _ = server.accept()
            except OSError:
                return
            lines.append(line)
            threading.Thread(target=tell, args=(line,), daemon=True).start()

    def tell(line):
        with contextlib.suppress(OSError):
            if drip_s is None:
                line.sendall(answer)
                return
            for byte in answer:
                line.sendall(bytes([byte]))
                if ended.wait(drip_s):
                    return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for line in lines:
            line.close()


@contextlib.contextmanager
def refusing_port():
    """A port that is taken, and refuses connections."""
    with socket.socket() as taken:
        taken.bind((HERE, 0))
        yield taken.getsockname()[1]


def can_unshare():
    """True if this user may run a program with another /etc/resolv.conf."""
    return (
        shutil.which("unshare") is not None
        and subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0
    )


def children(pid=None):
    """Numbers of the processes started by a process, zombies left out."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == (pid or os.getpid()) and state != "Z":
                found.add(int(stat.parent.name))
    return found


def wait_for(condition, *, patience_s=20.0):
    """Wait until a condition holds; False if it never does."""
    ends = time.monotonic() + patience_s
    while not (met := condition()) and time.monotonic() < ends:
        time.sleep(0.02)
    return met


def count_pictures(frames, times_s, *, crash=None, sleep_s=0.0, error=None, take_bytes=0):
    """A measuring function with the faults a real one may have; workers import it by its name."""
    if crash is not None:
        os.kill(os.getpid(), crash)
    if error:
        raise ValueError(error)
    np.empty(take_bytes, np.uint8)
    time.sleep(sleep_s)
    return {"pictures": len(frames), "span_s": times_s[-1], "mean": float(np.mean([frame.mean() for frame in frames]))}
