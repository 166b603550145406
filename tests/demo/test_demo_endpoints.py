"""The demo as an API, used well and used badly."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

pytest.importorskip("gradio_client")
pytest.importorskip("gradio")

from browser.demo import REPOSITORY, Demo, photograph, running_demo, start_demo
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from rfr_core.images.deep import encode_png

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SECRET = "what no visitor may read"


@pytest.fixture(scope="module")
def demo() -> Demo:
    return running_demo()


@pytest.fixture(scope="module")
def client(demo: Demo) -> Client:
    return Client(demo.url, verbose=False)


def saved(image: Image.Image, path: Path, **options: Any) -> Any:
    image.save(path, **options)
    return handle_file(path)


def hole(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened)


def test_inpaint_fills_the_white_part_and_keeps_the_rest_and_the_metadata(client: Client, tmp_path: Path) -> None:
    picture = photograph(160, 120)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    exif[ExifTags.Base.Artist] = "Ada"
    image = saved(picture, tmp_path / "my photo.png", exif=exif)
    mask = saved(hole(picture.size, (40, 30, 70, 60)), tmp_path / "mask.png")
    path = Path(client.predict(image, mask, api_name="/inpaint"))
    assert path.name == "my photo-filled.png"
    upright = np.asarray(picture.transpose(Image.Transpose.ROTATE_180))
    changed = (pixels(path) != upright).any(axis=2)
    assert changed[30:60, 40:70].mean() > 0.9
    changed[30:60, 40:70] = False
    assert not changed.any()
    with Image.open(path) as filled:
        assert filled.getexif()[ExifTags.Base.Artist] == "Ada"
        assert filled.getexif().get(ExifTags.Base.Orientation, 1) == 1


def test_inpaint_without_a_mask_fills_what_is_transparent(client: Client, tmp_path: Path) -> None:
    picture = photograph(96, 80).convert("RGBA")
    picture.paste((9, 9, 9, 0), (30, 30, 50, 50))
    filled = pixels(client.predict(saved(picture, tmp_path / "cut.png"), api_name="/inpaint"))
    assert (filled[..., 3] == 255).all()
    assert (filled[:30] == np.asarray(picture)[:30]).all()


def test_a_jpeg_comes_back_as_jpeg_and_in_another_format_on_request(client: Client, tmp_path: Path) -> None:
    image = saved(photograph(96, 80), tmp_path / "photo.jpg")
    mask = saved(hole((96, 80), (30, 30, 50, 50)), tmp_path / "mask.png")
    with Image.open(client.predict(image, mask, api_name="/inpaint")) as filled:
        assert filled.format == "JPEG"
    as_png = client.predict(image, mask, file_format="png", api_name="/inpaint")
    changed = (pixels(as_png) != pixels(tmp_path / "photo.jpg")).any(axis=2)
    assert changed.any()
    assert not changed[:30].any()


def test_a_report_names_what_the_file_lacks(client: Client, tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Title", "Lake")
    image = saved(photograph(64, 48), tmp_path / "photo.png", pnginfo=info, dpi=(300, 300))
    mask = saved(hole((64, 48), (20, 15, 40, 30)), tmp_path / "mask.png")
    path, dropped = client.predict(image, mask, file_format="webp", api_name="/inpaint_report")
    assert dropped == ["the resolution (dpi)", "PNG texts"]
    assert Path(path).suffix == ".webp"
    path, dropped = client.predict(image, mask, api_name="/inpaint_report")
    assert dropped == []
    with Image.open(path) as filled:
        assert filled.info["Title"] == "Lake"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_least_error_is_given_on_request(client: Client, tmp_path: Path) -> None:
    image = saved(photograph(96, 80), tmp_path / "photo.png")
    mask = saved(hole((96, 80), (30, 30, 50, 50)), tmp_path / "mask.png")
    kinds: list[dict[str, Any]] = [{"detail": "exact"}, {}, {"exact": True}, {"detail": "auto"}]
    exact, usual, *again = (pixels(client.predict(image, mask, api_name="/inpaint", **kind)) for kind in kinds)
    assert (again[0] == exact).all()
    assert (again[1] == usual).all()
    changed = (exact != usual).any(axis=2)
    assert changed[30:50, 30:50].mean() > 0.5
    changed[30:50, 30:50] = False
    assert not changed.any()


def test_ten_people_at_once_get_their_own_pictures(demo: Demo, tmp_path: Path) -> None:
    def ask(number: int) -> bool:
        size = (80 + 8 * number, 64)
        picture = photograph(*size, seed=number)
        image = saved(picture, tmp_path / f"{number}.png")
        mask = saved(hole(size, (20, 20, 40, 40)), tmp_path / f"{number}-mask.png")
        filled = pixels(Client(demo.url, verbose=False).predict(image, mask, api_name="/inpaint"))
        before = np.asarray(picture)
        known = np.ones(before.shape[:2], dtype=bool)
        known[20:40, 20:40] = False
        return filled.shape == before.shape and bool((filled == before)[known].all())

    with ThreadPoolExecutor(10) as people:
        assert list(people.map(ask, range(10))) == [True] * 10


def test_only_fills_are_offered(client: Client) -> None:
    described = client.view_api(return_format="dict", print_info=False)
    assert isinstance(described, dict)
    assert list(described["named_endpoints"]) == ["/inpaint", "/inpaint_report"]
    assert described["unnamed_endpoints"] == {}


# What the server refuses


def bomb(side: int) -> bytes:
    """A PNG that claims to have side × side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side + 1) * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def whole_png() -> bytes:
    from io import BytesIO

    file = BytesIO()
    photograph(64, 64).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"Dear all", "This file is not a picture"),
        (b"", "This file is not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This file is not a picture"),
        (whole_png()[:200], "damaged or cut short"),
        (bomb(10_000), "megapixels"),
        (bomb(60_000), "scale it down to 64 megapixels or less"),
    ],
    ids=["text", "empty", "svg", "half", "large", "bomb"],
)
def test_a_bad_picture_is_answered_by_a_sentence(client: Client, tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "picture.png").write_bytes(content)
    with pytest.raises(AppError, match=sentence) as error:
        client.predict(handle_file(tmp_path / "picture.png"), None, api_name="/inpaint")
    assert "Traceback" not in str(error.value)
    assert "/" not in str(error.value).replace("/inpaint", "")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"recurrences": 1000}, "recurrences is 1000"),
        ({"grow": -1}, "grow is -1"),
        ({"feather": "<many>"}, "feather is '<many>'"),
        ({"exact": "very"}, "exact is 'very'"),
        ({"detail": "very"}, "detail is 'very'"),
        ({"file_format": "exe"}, "no such format"),
        ({"model": "../../etc"}, "no Hub repository"),
        ({"model": 7}, "model is 7"),
        ({"model": "/etc/passwd"}, "no Hub repository"),
        ({"model": "http://localhost/model"}, "no Hub repository"),
    ],
    ids=lambda value: next(iter(value.items()), ("", ""))[1] if isinstance(value, dict) else "",
)
def test_a_bad_option_is_answered_by_a_sentence(
    client: Client, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    image = saved(photograph(64, 64), tmp_path / "photo.png")
    mask = saved(hole((64, 64), (20, 20, 40, 40)), tmp_path / "mask.png")
    with pytest.raises(AppError, match=sentence):
        client.predict(image, mask, api_name="/inpaint", **options)


def test_values_left_out_at_the_end_have_their_defaults(demo: Demo, client: Client, tmp_path: Path) -> None:
    image = saved(photograph(64, 64), tmp_path / "photo.png")
    mask = saved(hole((64, 64), (20, 20, 40, 40)), tmp_path / "mask.png")
    usual = pixels(client.predict(image, mask, api_name="/inpaint"))
    paths = [
        max(demo.folder.glob(f"rfr-demo-*/files/*/{name}"), key=lambda path: path.stat().st_mtime)
        for name in ("photo.png", "mask.png")
    ]
    data = [{"path": str(path), "meta": {"_type": "gradio.FileData"}} for path in paths]
    text = told(demo, json.dumps({"data": data}).encode())
    assert text.startswith("event: complete")
    assert (pixels(json.loads(text.split("data: ")[1])[0]["path"]) == usual).all()


def test_a_mask_with_nothing_to_fill_gives_the_picture_back(client: Client, tmp_path: Path) -> None:
    image = saved(photograph(64, 64), tmp_path / "photo.png")
    mask = saved(Image.new("L", (64, 64)), tmp_path / "mask.png")
    filled = pixels(client.predict(image, mask, api_name="/inpaint"))
    assert (filled == np.asarray(photograph(64, 64))).all()


def answer(
    demo: Demo, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Status and text of a request that no client tidies up on its way."""
    with closing(http.client.HTTPConnection(demo.url.removeprefix("http://"), timeout=60)) as connection:
        connection.putrequest(method, path, skip_host=bool(headers and "Host" in headers))
        sent = {"Content-Length": str(len(body)), "Content-Type": "application/json"} | (headers or {})
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "secret.png"
    path.write_text(SECRET)
    return path


@pytest.mark.parametrize(
    "form",
    ["{path}", "..{path}", "./../../../../../../..{path}", "{quoted}", "{twice}", "{path}%00.png", "file://{path}"],
)
@pytest.mark.parametrize("route", ["/gradio_api/file=", "/gradio_api/file/", "/file="])
def test_no_file_of_the_machine_is_served(demo: Demo, secret: Path, route: str, form: str) -> None:
    quoted = str(secret).replace("/", "%2F")
    name = form.format(path=secret, quoted=quoted, twice=quoted.replace("%", "%25"))
    status, text = answer(demo, "GET", route + name)
    assert status in (403, 404)
    assert SECRET not in text


def test_a_link_out_of_the_folder_is_not_followed(demo: Demo, secret: Path) -> None:
    folder = next(demo.folder.glob("rfr-demo-*/files"))
    link = folder / "link.png"
    link.symlink_to(secret)
    status, text = answer(demo, "GET", f"/gradio_api/file={link}")
    link.unlink()
    assert status == 403
    assert SECRET not in text


def told(demo: Demo, body: bytes) -> str:
    """What a call of the API is answered in the end."""
    status, text = answer(demo, "POST", "/gradio_api/call/inpaint", body)
    assert status == 200, text
    _, text = answer(demo, "GET", f"/gradio_api/call/inpaint/{json.loads(text)['event_id']}")
    return text


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://example.org/a.png", "https://[::1]/a.png"])
def test_no_address_is_fetched(demo: Demo, address: str) -> None:
    assert answer(demo, "GET", f"/gradio_api/file={address}")[0] == 403
    image = {"path": address, "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [image, None, 0, 0, 0, "png", ""]}).encode()
    for disguise in (body, body.replace(b"://", b":\\/\\/"), body.replace(b"path", b"\\u0070ath")):
        text = told(demo, disguise)
        assert text.startswith("event: error")
        assert "addresses are not fetched" in text


@pytest.mark.parametrize("form", ["{path}", "../../../../../../../../../..{path}", "{folder}/../..{path}"])
def test_a_path_is_not_read_as_an_upload(demo: Demo, secret: Path, form: str) -> None:
    folder = next(demo.folder.glob("rfr-demo-*/files"))
    image = {"path": form.format(path=secret, folder=folder), "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [image, None, 0, 0, 0, "png", ""]}).encode()
    status, text = answer(demo, "POST", "/gradio_api/call/inpaint", body)
    assert status == 200
    _, text = answer(demo, "GET", f"/gradio_api/call/inpaint/{json.loads(text)['event_id']}")
    assert text.startswith("event: error")
    assert "Only uploaded files are read" in text
    assert SECRET not in text


@pytest.mark.parametrize("name", ["//evil.example/share/a.png", "\\\\evil.example\\share\\a.png"])
def test_the_names_of_other_machines_are_refused_before_they_are_looked_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    from rfr_nodes.demo.confinement import within

    assert within(str(tmp_path / "a.png"), tmp_path)
    monkeypatch.setattr(Path, "resolve", lambda path, *_: pytest.fail(f"{path} was looked up"))
    assert not within(name, tmp_path)


def test_large_requests_are_refused(demo: Demo) -> None:
    join = "/gradio_api/queue/join"
    assert answer(demo, "POST", join, headers={"Content-Length": str(2**40)})[0] == 413
    assert answer(demo, "POST", "/gradio_api/upload", headers={"Content-Length": str(2**40)})[0] == 413
    assert answer(demo, "POST", join, b" " * (9 * 2**20))[0] == 413
    with closing(http.client.HTTPConnection(demo.url.removeprefix("http://"), timeout=60)) as connection:
        connection.request("POST", "/gradio_api/upload", iter([b"endless"]), encode_chunked=True)
        assert connection.getresponse().status == 411


@pytest.mark.parametrize(
    "body",
    [
        {"data": [], "fn_index": 999, "session_hash": "a"},
        {"data": [1], "fn_index": 1, "session_hash": "a"},
        {"data": float("nan")},
        {"data": {}, "fn_index": [1]},
        {},
    ],
    ids=["function", "count", "number", "kind", "nothing"],
)
def test_what_the_page_does_not_send_is_refused_in_a_sentence(demo: Demo, body: dict[str, Any]) -> None:
    status, text = answer(demo, "POST", "/gradio_api/queue/join", json.dumps(body).encode())
    assert (status, json.loads(text)["detail"]) == (400, "The page sends no such request: reload it.")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example"])
def test_another_host_name_is_refused(demo: Demo, host: str) -> None:
    assert answer(demo, "GET", "/", headers={"Host": host})[0] == 403


@pytest.mark.parametrize("route", ["proxy=http://example.org", "component_server", "vibe-code", "openapi.json"])
def test_routes_that_the_page_does_not_need_are_closed(demo: Demo, route: str) -> None:
    assert answer(demo, "GET", f"/gradio_api/{route}")[0] == 404
    assert answer(demo, "GET", f"/{route}")[0] == 404


def test_the_page_forbids_whatever_comes_from_elsewhere(demo: Demo) -> None:
    with closing(http.client.HTTPConnection(demo.url.removeprefix("http://"), timeout=60)) as connection:
        connection.request("GET", "/")
        headers = connection.getresponse().headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


ELSEWHERE: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=lambda headers: next(iter(headers.values())))
@pytest.mark.parametrize("route", ["upload", "queue/join", "call/inpaint", "run/predict", "reset"])
def test_other_sites_can_send_nothing(demo: Demo, route: str, headers: dict[str, str]) -> None:
    status, text = answer(demo, "POST", f"/gradio_api/{route}", b"{}", headers)
    assert (status, json.loads(text)["detail"]) == (403, "This page takes nothing from other sites.")


def test_this_site_can(demo: Demo) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": demo.url}):
        assert answer(demo, "POST", "/gradio_api/reset", b'{"event_id": "a"}', headers)[0] == 200


def quick(demo: Demo) -> float:
    """The seconds until another visitor's page answers."""
    started = time.monotonic()
    assert answer(demo, "GET", "/config")[0] == 200
    return time.monotonic() - started


@pytest.mark.parametrize("route", ["queue/join", "call/inpaint", "nothing", "../nothing"])
def test_many_small_values_keep_nobody_waiting(demo: Demo, route: str) -> None:
    bodies = [b'{"data": [' + b"[1]," * 500_000 + b"1]}", b'{"data": ' + b"[" * 700_000, b"1," * 700_000]
    with ThreadPoolExecutor(8) as attackers:
        answers = [attackers.submit(answer, demo, "POST", f"/gradio_api/{route}", body) for body in bodies * 4]
        assert max(quick(demo) for _ in range(5)) < 1
        assert {one.result()[0] for one in answers} <= {404, 413}


def test_one_visitor_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rfr_nodes.demo import storage as module
    from rfr_nodes.demo.sentences import RequestError

    storage = module.Storage(tmp_path)
    for _ in range(16):
        storage.admit("greedy", 2**26)
    with pytest.raises(RequestError, match="sent more than 1024 MB"):
        storage.admit("greedy", 2**20)
    storage.admit("other", 2**20)
    monkeypatch.setattr(module, "MAX_STORED_BYTES", 2**20)
    with pytest.raises(RequestError, match="no room"):
        storage.admit("third", 2**21)


def test_old_uploads_and_results_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rfr_nodes.demo import storage as module

    storage = module.Storage(tmp_path)
    (tmp_path / "example").mkdir()
    storage.keep_what_is_there()
    old, new = storage.result_folder(), storage.result_folder()
    for folder in (old, tmp_path / "example"):
        os.utime(folder, (1, 1))
    late = storage.result_folder()
    storage.sweep()
    assert not old.exists()
    os.utime(late, (1, 1))
    monkeypatch.setattr(module, "SWEEP_SECONDS", -1)
    storage.admit("someone")
    assert not late.exists()
    assert new.exists()
    assert (tmp_path / "example").exists()


def test_sessions_end_by_age_and_by_number_of_their_own_visitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rfr_nodes.demo import session_store as module
    from rfr_nodes.demo.storage import Storage
    from rfr_nodes.demo.uploads import Upload

    monkeypatch.setattr(module, "MAX_SESSIONS_EACH", 2)
    photograph(32, 32).save(tmp_path / "a.png")
    upload = Upload(tmp_path / "a.png", "a.png")
    sessions = module.SessionStore(Storage(tmp_path))
    other = sessions.open("other", upload)
    mine = [sessions.open("me", upload) for _ in range(3)]
    assert [sessions.find(session.token) for session in mine] == [None, *mine[1:]]
    assert sessions.find(other.token) is other
    assert not mine[0].folder.exists()
    assert [sessions.find(token) for token in (None, 7, "../..", "0" * 32)] == [None] * 4
    aging = module.SessionStore(Storage(tmp_path), kept_seconds=0)
    old = aging.open("me", upload)
    time.sleep(0.01)
    assert aging.find(old.token) is None
    assert not old.folder.exists()
    left = aging.open("me", upload)
    time.sleep(0.01)
    aging.sweep()  # though nobody asks for it
    assert not left.folder.exists()


def test_what_a_picture_of_the_history_was_made_of_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rfr_nodes.demo import session as module
    from rfr_nodes.demo.uploads import Upload

    monkeypatch.setattr(module, "MAX_VERSIONS", 5)
    photograph(32, 32).save(tmp_path / "a.png")
    session = module.Session(tmp_path, Upload(tmp_path / "a.png", "a.png"))

    def fill() -> module.Version:
        run = module.VersionRun(session.current, tmp_path / "hole.png", (0, 0, 8, 8), module.FillOptions())
        return session.add(module.Version(0, session.new_folder(), (), run, session.versions[0].whole))

    fill()
    second = fill()
    for _ in range(8):
        session.show(len(session.history) - 1)  # the photo
        fill()
        assert len(session.versions) <= 5
        if second in session.versions:
            session.show(session.history.index(second))
            session.undo()
            assert session.current in session.versions
    assert second not in session.versions


def test_a_kept_mask_counts_to_the_pixel_but_where_it_was_painted_on(tmp_path: Path) -> None:
    from rfr_nodes.demo.kept_masks import KeptMasks

    hole = torch.zeros(1, 1, 400, 4800)
    hole[..., 100, 1000:3000] = 1  # a third of a pixel in the small copy
    masks = KeptMasks(tmp_path)
    number = masks.keep(hole)
    with Image.open(masks.paint(number)) as opened:
        alpha = np.array(opened.getchannel("A"))

    def kept(painted: np.ndarray) -> torch.Tensor:
        found = masks.hole(number, Image.fromarray(painted))
        assert found is not None
        return found

    assert torch.equal(kept(alpha), hole)
    faint = alpha.copy()
    faint[60:64, 60:64] = 40  # the soft rim of a stroke, and no more
    assert torch.equal(kept(faint), hole)
    changed = alpha.copy()
    changed[60:80, 60:80] = 255
    changed[:, 800:] = 0
    assert bool(kept(changed)[..., 190:230, 190:230].all())
    assert torch.equal(kept(changed)[..., :150, :2380], hole[..., :150, :2380])
    assert not bool(kept(changed)[..., 2420:].any())
    assert masks.hole(number, Image.new("L", (10, 10))) is None
    assert masks.hole(7, Image.fromarray(alpha)) is None
    assert masks.hole(None, Image.fromarray(alpha)) is None


def test_turns_are_fair_and_few_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from rfr_nodes.demo.sentences import RequestError
    from rfr_nodes.demo.turns import Turns

    async def used() -> None:
        turns = Turns(per_visitor=3, in_all=5)
        greedy = [turns.ticket("greedy") for _ in range(3)]
        with pytest.raises(RequestError, match="You have 3 fills waiting"):
            turns.ticket("greedy")
        modest = turns.ticket("modest")
        assert [ticket.place for ticket in (*greedy, modest)] == [0, 2, 3, 1]
        turns.ticket("third")
        with pytest.raises(RequestError, match="Too many people"):
            turns.ticket("fourth")
        moved = asyncio.ensure_future(modest.moved())
        await asyncio.sleep(0)
        greedy[0].leave()
        greedy[0].leave()
        assert await moved == 0
        async with Turns(1, 1).turn("one"):
            pass

    asyncio.run(used())


def test_sixty_five_calls_of_one_client_lock_nobody_out(demo: Demo, tmp_path: Path) -> None:
    image = saved(photograph(400, 300), tmp_path / "photo.png")
    mask = saved(hole((400, 300), (50, 50, 350, 250)), tmp_path / "mask.png")
    client = Client(demo.url, verbose=False)
    jobs = [client.submit(image, mask, recurrences=32, api_name="/inpaint") for _ in range(65)]
    try:
        refused = next(job for job in reversed(jobs) if job.exception(timeout=120))
        assert "You have 12 fills waiting already" in str(refused.exception())
        until = time.monotonic() + 60  # the other refusals are on their way
        while sum(not job.done() for job in jobs) > 12 and time.monotonic() < until:
            time.sleep(0.1)
        assert sum(not job.done() for job in jobs) <= 12
        assert max(quick(demo) for _ in range(5)) < 1
    finally:
        for job in jobs:
            job.cancel()


def test_a_hub_that_does_not_answer_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rfr_nodes.demo import offered_models as module

    models = module.Models([module.BUNDLED], device="cpu", from_hub=True)
    held, asked = threading.Event(), threading.Event()

    def waits(*_: object, **__: object) -> None:
        asked.set()
        held.wait(60)

    bundled = models.get()
    monkeypatch.setattr(module.Inpainter, "from_pretrained", waits)

    async def used() -> None:
        slow = asyncio.ensure_future(models.load("someone/away"))
        await asyncio.to_thread(asked.wait)
        assert await asyncio.wait_for(models.load(None), 1) is bundled
        slow.cancel()
        held.set()

    asyncio.run(used())


# Starting and ending


def running(folder: Path) -> Demo:
    """A demo of its own with the bundled network."""
    return start_demo([], folder, {"OMP_NUM_THREADS": "1"})


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_in_the_middle_of_a_fill_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    demo = running(tmp_path)
    image = saved(photograph(900, 700), tmp_path / "photo.png")
    mask = saved(hole((900, 700), (100, 100, 700, 600)), tmp_path / "mask.png")
    client = Client(demo.url, verbose=False)
    client.submit(image, mask, api_name="/inpaint")
    time.sleep(3)
    demo.process.send_signal(number)
    time.sleep(0.2)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(30) in (0, 130)
    assert list(tmp_path.glob("rfr-demo-*")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path: Path) -> None:
    program = "import os, sys; from rfr_nodes.demo.temporary import own_folder\n"
    program += "with own_folder() as folder:\n    print(folder, flush=True)\n    sys.stdin.read()"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    killed, alive = (subprocess.Popen(command, cwd=REPOSITORY, env=environment, **pipes) for _ in range(2))
    left, kept = (Path(process.stdout.readline().strip()) for process in (killed, alive) if process.stdout)
    killed.kill()
    killed.communicate()
    for folder in (left, kept):
        os.utime(folder, (1, 1))
    started("from rfr_nodes.demo.temporary import own_folder\nwith own_folder(): pass", temporary=tmp_path)
    assert not left.exists()
    assert kept.exists()
    alive.communicate("")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "99999"], "ports go from 1 to 65535"),
        (["--port", "0"], "ports go from 1 to 65535"),
        (["--host", "192.0.2.1"], "cannot be served on 192.0.2.1"),
        (["--host", "no.such.host.invalid"], "cannot be served on no.such.host.invalid"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_an_address_that_cannot_be_used_is_told_at_the_start(arguments: list[str], sentence: str) -> None:
    result = started("import sys; from rfr_nodes.demo.__main__ import main; sys.exit(main())", *arguments)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_public_address_is_one_sentence_and_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # as without a network
    code = "import sys; from rfr_nodes.demo.__main__ import main; sys.exit(main())"
    result = started(code, "--share", temporary=tmp_path)
    assert result.returncode == 2
    assert "gradio.live does not answer" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def started(code: str, *arguments: str, temporary: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    environment = os.environ | ({"TMPDIR": str(temporary)} if temporary else {})
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_without_gradio_a_sentence_says_what_to_install() -> None:
    code = "import sys; sys.modules['gradio'] = None; from rfr_nodes.demo.__main__ import main; sys.exit(main([]))"
    result = started(code)
    assert result.returncode == 2
    assert "pip install" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_model_that_is_not_there_is_told_at_the_start_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = "import sys; from rfr_nodes.demo.__main__ import main; sys.exit(main())"
    result = started(code, "--model", str(tmp_path / "none.safetensors"), temporary=tmp_path)
    assert result.returncode == 2
    assert "none.safetensors" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_told_at_the_start(demo: Demo) -> None:
    code = "import sys; from rfr_nodes.demo.__main__ import main; sys.exit(main())"
    result = started(code, "--port", demo.url.rsplit(":", 1)[1])
    assert result.returncode == 2
    assert "cannot be served" in result.stderr
    assert "Traceback" not in result.stderr


def test_pictures_that_would_lose_bits_or_are_not_read_are_refused_with_what_to_do(
    client: Client, tmp_path: Path
) -> None:
    deep = np.random.default_rng(0).integers(0, 2**16, (24, 32, 3), dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(encode_png(deep, {}))
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    mask = saved(hole((32, 24), (8, 8, 12, 12)), tmp_path / "mask.png")
    for name, sentence in (("deep.png", "16 bits a channel"), ("phone.heic", "HEIC")):
        with pytest.raises(AppError, match=sentence):
            client.predict(handle_file(tmp_path / name), mask, api_name="/inpaint")
