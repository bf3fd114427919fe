"""Pictures from real streams and files, by both backends: what comes through, and what is told when it does not."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
from scenes import SHARED
from stream_servers import (
    HERE,
    LOGIN,
    RtspServer,
    jpeg,
    listener,
    make_certificate,
    make_clip,
    make_sound,
    mjpeg_server,
    needs_rtsp,
    picture,
)

from sightgrid.errors import InputError
from sightgrid.health import capture as capture_module
from sightgrid.health.addresses import parse_address
from sightgrid.health.capture import capture, fit_size, shrink
from sightgrid.health.reach import reach
from sightgrid.health.timing import settle_times

both = pytest.mark.parametrize("backend", ["cv2", "av"])
IN_URL = "viewer:s3cret%401@"


def look(url, backend, *, open_s=5.0, read_s=5.0, **options):
    return capture(parse_address(str(url)), open_s=open_s, read_s=read_s, backend=backend, **options)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    codecs = {"mpeg4.mp4": "mpeg4", "h264.mp4": "libx264", "h265.mp4": "libx265"}
    return {name: make_clip(folder / name, codec, pictures=30) for name, codec in codecs.items()}


@pytest.fixture(scope="module")
def camera(clips):
    mounts = ["live=live", "sound=sound", f"h264={clips['h264.mp4']}", f"h265={clips['h265.mp4']}"]
    with RtspServer(*mounts) as server:
        yield server


@both
@pytest.mark.parametrize("name", ["mpeg4.mp4", "h264.mp4", "h265.mp4"])
def test_a_file_is_read(clips, name, backend):
    clip = look(clips[name], backend, frames=10)
    assert (clip.stage, clip.fault, clip.width_px, clip.height_px, clip.fps) == ("", "", 320, 240, 25.0)
    assert clip.times_s == pytest.approx(np.arange(10) / 25)
    assert [frame.shape for frame in clip.frames] == [(240, 320, 3)] * 10
    # the pictures are those that were written, in order and in BGR
    errors = [np.abs(frame.astype(float) - picture(shift=n)).mean() for n, frame in enumerate(clip.frames)]
    wrong = np.abs(clip.frames[9].astype(float) - picture(shift=0)).mean()
    assert max(errors) < 0.5 * wrong
    assert (clip.corrupt_share == 0.0) == (backend == "av")


@both
def test_a_file_may_end_before_all_was_read(clips, backend):
    clip = look(clips["h264.mp4"], backend, frames=80, seconds=30)
    assert (len(clip.frames), clip.stage) == (30, "")
    assert len(look(clips["h264.mp4"], backend, frames=80, seconds=0.5).frames) == 14  # 0 to 0.52 s


@needs_rtsp
@both
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_live_stream_is_read(camera, backend, transport):
    stages = []
    clip = look(camera.url("live"), backend, transport=transport, frames=12, enter=stages.append)
    assert (clip.stage, clip.fault, clip.width_px, clip.height_px, len(clip.frames)) == ("", "", 320, 240, 12)
    assert all(np.diff(clip.times_s) > 0)
    assert 15 < clip.fps < 40
    assert stages == ["stream", "first_frame", "read"]
    assert 0 < clip.first_frame_s < 5


@needs_rtsp
@both
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_both_codecs_come_over_rtsp(camera, backend, codec):
    clip = look(camera.url(codec), backend)
    assert (clip.stage, len(clip.frames), clip.width_px) == ("", 8, 320)
    assert np.abs(clip.frames[0].astype(float) - picture()).mean() < 40


@needs_rtsp
@both
def test_a_recording_may_end(camera, backend):
    clip = look(camera.url("h264"), backend, frames=100, seconds=30)
    assert (clip.stage, clip.fault) == ("", "")
    assert len(clip.frames) > 20


@both
def test_a_stream_that_ends_is_a_fault_of_reading(backend):
    with mjpeg_server([jpeg(picture())] * 6, fps=50, endless=False) as url:
        clip = look(url, backend, frames=20)
    assert (clip.stage, clip.fault, len(clip.frames)) == ("read", "the stream ended after 6 pictures", 6)


@needs_rtsp
@both
@pytest.mark.parametrize("mount", ["sound", "none"])
def test_a_stream_without_pictures(camera, backend, mount):
    clip = look(camera.url(mount), backend)
    assert clip.stage == "stream"
    assert "no pictures" in clip.fault
    assert math.isnan(clip.fps)


@needs_rtsp
@both
def test_a_server_killed_midway(backend):
    with RtspServer("live=live") as server:
        threading.Timer(0.5, server.kill).start()
        clip = look(server.url("live"), backend, frames=200, seconds=30)
    assert clip.stage == "read"
    assert clip.frames
    assert len(clip.frames) == len(clip.times_s)


@needs_rtsp
@both
def test_a_server_stopped_midway_costs_one_deadline(backend):
    """OpenCV waits three times as long, and calls it a success twice."""
    with RtspServer("live=live") as server:
        threading.Timer(0.5, server.stop).start()
        clip = look(server.url("live"), backend, frames=200, seconds=30, read_s=1.0)
        waited = time.monotonic() - server.stopped_at
    assert (clip.stage, clip.fault) == ("read", "no picture within 1 s")
    assert 0.9 <= waited < 2.0


@both
@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_black_hole_does_not_open(backend, scheme):
    with listener() as port:
        clip = look(f"{scheme}://{HERE}:{port}/1", backend, open_s=0.5)
    assert (clip.stage, clip.fault) == ("stream", "the stream did not open within 0.5 s")


@both
def test_pictures_over_http_are_timed_as_they_come(backend):
    parts = [jpeg(picture(shift=n)) for n in range(4)]
    with mjpeg_server(parts, fps=15, login=LOGIN) as url:
        refused = look(url, backend)
        clip = look(url.replace("//", f"//{IN_URL}"), backend, frames=10)
    assert refused.stage == "stream"
    assert (clip.stage, len(clip.frames), clip.width_px) == ("", 10, 320)
    assert 4 < clip.fps <= 16  # not the 25 that FFmpeg makes up
    assert all(np.diff(clip.times_s) >= 0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls") / "camera.pem")


@both
def test_an_encrypted_camera_that_signed_its_own_certificate(certificate, backend):
    with mjpeg_server([jpeg(picture())], tls=certificate) as url:
        assert reach(parse_address(url)).status == 200
        assert look(url, backend).stage == ""


@needs_rtsp
@both
def test_an_encrypted_rtsp_camera(clips, certificate, backend):
    with RtspServer(f"h264={clips['h264.mp4']}", tls=certificate) as server:
        assert reach(parse_address(server.url("h264"))).status == 200
        assert look(server.url("h264"), backend).stage == ""


@both
def test_pictures_that_change_their_size_midway(backend):
    parts = [jpeg(picture())] * 6 + [jpeg(picture(640, 480))] * 6 + [jpeg(picture()[..., 0])] * 6
    with mjpeg_server(parts, fps=50, endless=False) as url:
        clip = look(url, backend, frames=16)
    assert (clip.stage, clip.width_px, clip.height_px) == ("", 320, 240)
    assert [frame.shape for frame in clip.frames] == [(240, 320, 3)] * 16
    # OpenCV scales them all to the first size, so that only PyAV can tell
    assert clip.size_changes == 2 if backend == "av" else math.isnan(clip.size_changes)


@pytest.fixture(scope="module")
def huge():
    return jpeg(np.zeros((8640, 15360), np.uint8))


@both
def test_a_huge_picture_is_refused(huge, backend):
    with mjpeg_server([huge]) as url:
        clip = look(url, backend)
    assert (clip.stage, clip.fault) == ("stream", "a picture of 15360 x 8640 pixels is larger than is read here")
    assert not clip.frames


@both
def test_a_huge_picture_midway_is_kept_small_or_refused(huge, backend):
    small = jpeg(picture())
    with mjpeg_server(lambda place: huge if place >= 4 else small, fps=20) as url:
        clip = look(url, backend, frames=6, seconds=20)
    assert all(frame.shape == (240, 320, 3) for frame in clip.frames)
    assert (clip.stage, len(clip.frames)) == (("read", 4) if backend == "av" else ("", 6))


@both
def test_pictures_are_kept_as_sent_while_they_fit(tmp_path, backend):
    path = make_clip(tmp_path / "large.mp4", width=1920, height=1080, pictures=4)
    for frames, shape in ((21, (1080, 1920, 3)), (22, (360, 640, 3))):
        clip = look(path, backend, frames=frames)
        assert (clip.width_px, clip.height_px) == (1920, 1080)
        assert {frame.shape for frame in clip.frames} == {shape}


@both
def test_corrupted_data_gives_pictures_or_a_fault_but_no_crash(clips, backend):
    data = bytearray(clips["h264.mp4"].read_bytes())
    rng = np.random.default_rng(3)
    for place in rng.integers(len(data) // 10, len(data) * 8 // 10, 60):
        data[place] ^= 0xFF
    broken = clips["h264.mp4"].with_name("broken.mp4")
    broken.write_bytes(data)
    clip = look(broken, backend, frames=50)
    assert len(clip.frames) == len(clip.times_s)
    assert clip.frames or clip.stage
    # only PyAV tells; OpenCV calls every picture fine
    assert clip.corrupt_share > 0.1 if backend == "av" else math.isnan(clip.corrupt_share)


@both
@pytest.mark.parametrize("content", [b"", b"no clip at all", b"\x00" * 5000])
def test_what_is_no_clip(tmp_path, backend, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    clip = look(path, backend)
    assert (clip.stage, clip.fault) == ("stream", "the stream cannot be opened, or holds no pictures")


@both
def test_sound_without_pictures(tmp_path, backend):
    clip = look(make_sound(tmp_path / "sound.m4a"), backend)
    assert clip.stage == "stream"
    assert clip.fault.endswith("holds no pictures")


@both
def test_nothing_is_printed(backend, capfd):
    with listener(b"RTSP/1.0 401 No\r\n\r\n") as port:
        look(f"rtsp://{IN_URL}{HERE}:{port}/1", backend)
    assert capfd.readouterr() == ("", "")


@both
def test_real_clips(backend):
    path = SHARED / "data" / "clips" / "entrance_cc_by_4.mp4"
    if not path.is_file():
        pytest.skip("the public clips are not on this machine")
    clip = look(path, backend, frames=20)
    assert (clip.stage, len(clip.frames)) == ("", 20)
    assert clip.fps > 5


def test_an_unknown_backend_is_refused():
    with pytest.raises(InputError, match="choose cv2 or av"):
        look("x.mp4", "gst")


def test_a_decoder_out_of_memory_is_a_fault():
    class Greedy:
        width_px, height_px, nominal_fps, is_file, is_stamped = 1, 1, 25.0, False, False

        def grab(self):
            raise MemoryError

    clip = capture_module._read(Greedy(), 5.0, 8, 2.0, 0.0, lambda _: None)
    assert (clip.stage, clip.fault) == ("first_frame", "a picture cannot be decoded in the memory there is")


def test_sizes_keep_their_shape():
    assert fit_size(1920, 1080, edge_px=640) == (640, 360)
    assert fit_size(1080, 1920, edge_px=640) == (360, 640)
    assert fit_size(60_000, 2, edge_px=640) == (640, 1)
    assert fit_size(320, 240, edge_px=640) == (320, 240)
    small = np.zeros((20, 30, 3), np.uint8)
    assert shrink(small, edge_px=160) is small


def test_times_go_on_where_a_clock_is_set_anew():
    nan = math.nan
    assert settle_times([nan, nan, 7.0, 7.5, 8.0], [0.0] * 5, [0.0] * 5, 10.0) == ([0.0, 0.1, 0.2, 0.7, 1.2], 2.0)
    # stamps that stand still say nothing; of what was waited for, four pictures came in three tenths
    times, fps = settle_times([1.0] * 6, [5.0, 5.0, 5.1, 5.2, 5.3, 5.4], [0.0, 0.0, 0.1, 0.1, 0.1, 0.1], 25.0)
    assert times == pytest.approx([0.0, 0.0, 0.1, 0.2, 0.3, 0.4])
    assert fps == pytest.approx(10.0)
    assert settle_times([], [], [], 25.0)[0] == []
    assert math.isnan(settle_times([0.0, 0.1], [0.0, 0.1], [0.0, 0.1], 25.0)[1])
