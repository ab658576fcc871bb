"""Pictures of a fog show what there is."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from rl.fog.rendering import HEIGHT, SENT, WIDTH, Painter, Recorder, dots, load_color
from rl.fog.settings import FogSettings
from rl.fog.world import World

pytestmark = pytest.mark.unit


def busy(ticks: int = 20, **keys: Any) -> World:
    """Everybody sends whatever it has to its last neighbour."""
    settings = FogSettings.from_keys({"schedules": "2-1000", **keys})
    world = World(settings, 1)
    world.begin()
    for _ in range(ticks):
        for node in settings.agents:
            world.act(node, len(world.ground.neighbours[node]) - 1)
        world.advance()
    return world


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"SIZE": 1, "CLOUD_EXISTS": 0},
        {"SIZE": 50, "topology": "bridged", "NO_LAYERS": 9},
        {"CLOUD_EXISTS": 3, "CLOUD_ACCESS": "1,1", "failures_per_second": 0.2},
        {"simtype": "dag", "protocol.clt.edges": "0->1,0->2", "clientIsSelf": 0},
        {"node_meters_per_second": 5},
        {"client_meters_per_second": 5},
    ],
)
def test_every_fog_can_be_drawn(keys: dict[str, Any]) -> None:
    world = busy(**keys)
    before = world.census()
    frame = Painter().frame(world)
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8
    assert len(np.unique(frame[:, :, 0])) > 50
    assert world.census() == before


def test_one_world_is_one_picture() -> None:
    assert (Painter().frame(busy()) == Painter().frame(busy())).all()


def test_tasks_on_their_way_are_dots_between_their_ends() -> None:
    world = busy(SIZE=2, NO_LAYERS=1, CLOUD_EXISTS=0, CONTROLLERS="0")
    found = dots(world)
    assert {each.kind for each in found} == {"sent", "returning"}
    assert all(0 <= each.share <= 1 for each in found)
    assert {(each.sender, each.receiver) for each in found} <= {(0, 1), (1, 0)}
    color = tuple(int(SENT[i : i + 2], 16) for i in (1, 3, 5))
    frame = Painter().frame(world)
    assert (frame[:, : WIDTH - 270] == color).all(axis=2).any()


def test_a_full_queue_is_red_and_an_empty_one_green() -> None:
    assert load_color(0.0) == (52, 168, 112)
    assert load_color(0.5) == (240, 180, 41)
    assert load_color(1.0) == load_color(7.0) == (217, 45, 32)


def test_the_curve_begins_anew_with_the_world() -> None:
    painter = Painter()
    painter.frame(busy(30))
    assert (painter.frame(busy(3)) == Painter().frame(busy(3))).all()


def test_size_can_be_chosen_within_reason() -> None:
    assert Painter(640, 480).frame(busy(3)).shape == (480, 640, 3)
    with pytest.raises(ValueError, match="480 x 400 or larger, not 100 x 100"):
        Painter(100, 100)


def test_film_has_the_frames_in_order_and_forgets_the_oldest() -> None:
    recorder = Recorder(most=2)
    with pytest.raises(ValueError, match="no frames"):
        recorder.gif()
    for shade in (0, 100, 200):
        recorder.add(np.full((20, 30, 3), shade, dtype=np.uint8))
    assert len(recorder) == 2
    film = Image.open(io.BytesIO(recorder.gif(0.2)))
    frames = [np.asarray(each.convert("RGB")) for each in ImageSequence.Iterator(film)]
    assert [int(each[0, 0, 0]) for each in frames] == [100, 200]
    assert film.info["duration"] == 200
