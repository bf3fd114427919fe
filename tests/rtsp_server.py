"""An RTSP server for the tests: GStreamer's, run by the system's Python, where Debian puts its bindings.

    /usr/bin/python3 rtsp_server.py [--login USER:PASSWORD] [--tls FILE.pem] MOUNT=SOURCE ...

A source is "live" (a moving pattern, H.264), "sound" (no pictures), or an MP4 or MPEG-TS file with H.264 or H.265.
Prints its port, and serves until it is killed.
"""

import argparse
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

LIVE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1 ! "
    "rtph264pay name=pay0 config-interval=1 )"
)
SOUND = "( audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay0 )"
FILE = (
    "( filesrc location={path} ! {demux} ! {codec}parse config-interval=-1 ! "
    "rtp{codec}pay name=pay0 config-interval=1 )"
)


def launch(source):
    if source in {"live", "sound"}:
        return LIVE if source == "live" else SOUND
    path = Path(source)
    return FILE.format(
        path=path,
        demux="tsdemux" if path.suffix == ".ts" else "qtdemux",
        codec="h265" if "265" in path.name else "h264",
    )


def make_auth(options):
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth = GstRtspServer.RTSPAuth()
    if options.login:
        user, _, password = options.login.partition(":")
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.set_default_token(token)
    if options.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.tls))
    return auth


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--login")
    parser.add_argument("--tls")
    parser.add_argument("mounts", nargs="+")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if options.login or options.tls:
        server.set_auth(make_auth(options))
    mounts = server.get_mount_points()
    for mount in options.mounts:
        name, _, source = mount.partition("=")
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch(source))
        factory.set_shared(source in {"live", "sound"})
        if options.login or options.tls:
            factory.add_role_from_structure(
                Gst.Structure.from_string(
                    "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
                )[0]
            )
        mounts.add_factory(f"/{name}", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)  # noqa: T201
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
