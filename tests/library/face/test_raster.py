"""The rasteriser against what can be said of any triangles."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medtalk.face import raster

WIDTH, HEIGHT = 60, 44


def _mesh(seed: int, cells: int) -> np.ndarray:
    """The corners (F, 3, 3) of a crooked mesh that covers more than the picture, in any order."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : cells + 1, 0 : cells + 1].astype(float)
    inner = ((y % cells > 0) & (x % cells > 0))[..., None]
    points = np.stack([x * (WIDTH + 8) / cells - 4, y * (HEIGHT + 8) / cells - 4], -1)
    points += inner * random.uniform(-0.3, 0.3, points.shape) * [WIDTH / cells, HEIGHT / cells]
    if seed % 3 == 0:
        points = np.round(points * 2) / 2  # corners upon the centres of samples, edges along rows
    corners = np.concatenate([points, random.uniform(0.8, 1.2, (*points.shape[:2], 1))], -1)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:]
    triangles = np.concatenate([np.stack(each, 2).reshape(-1, 3, 3) for each in ((a, b, c), (b, d, c))])
    return random.permutation(triangles)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), cells=st.integers(1, 24))
def test_a_mesh_covers_each_sample_once(seed, cells):
    corners = _mesh(seed, cells)
    (ax, ay), (bx, by), (cx, cy) = corners[:, :, :2].transpose(1, 2, 0)
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    assume(area.min() > 0.0)  # none is turned over, which would cover samples once more
    samples, _ = raster.fragments(corners, np.arange(len(corners)), WIDTH, HEIGHT)
    assert np.array_equal(np.sort(samples), np.arange(WIDTH * HEIGHT))


def test_a_fragment_is_as_near_as_its_triangle_there():
    corners = _mesh(1, 5)
    samples, keys = raster.fragments(corners, np.arange(len(corners)), WIDTH, HEIGHT)
    y, x = np.divmod(samples, WIDTH)
    for triangle, near, px, py in zip(
        raster.triangles_of(keys), raster.nearness_of(keys), x + 0.5, y + 0.5, strict=True
    ):
        matrix = np.column_stack([corners[triangle, :, :2], np.ones(3)]).T
        shares = np.linalg.solve(matrix, [px, py, 1.0])
        assert shares.min() > -1e-9
        assert near == pytest.approx(shares @ corners[triangle, :, 2], abs=1e-6)


def test_the_nearest_wins_whatever_the_order():
    far, near = (np.array([[-9.0, -9.0, w], [200.0, -9.0, w], [-9.0, 200.0, w]]) for w in (0.9, 1.1))
    tilted = np.array([[-9.0, -9.0, 1.4], [200.0, -9.0, 0.2], [-9.0, 200.0, 1.4]])
    for corners in ([far, near, tilted], [tilted, near, far]):
        found = raster.fragments(np.array(corners), np.arange(3), WIDTH, HEIGHT)
        best = raster.nearest(*found, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
        flat = raster.triangles_of(best)
        assert (flat[:, 0] == [each is tilted for each in corners].index(True)).all()  # nearer on the left
        assert (flat[0, 58:] == 1).all()  # `near` is in the middle of both lists
        assert raster.nearness_of(best).min() >= 1.1 - 1e-6


def test_splinters_are_as_near_as_their_corners():
    """However thin a triangle is, its nearness stays within that of its corners, and no number overflows."""
    random = np.random.default_rng(3)
    ends = random.uniform(0, 40, (4000, 2, 2))
    third = ends[:, :1] + random.uniform(0, 1, (4000, 1, 1)) * (ends[:, 1:] - ends[:, :1])
    third += random.choice([0.0, 1e-13, 1e-7, 1e-3, 0.05], (4000, 1, 1))
    corners = np.concatenate([np.concatenate([ends, third], 1), random.uniform(0.5, 1.5, (4000, 3, 1))], 2)
    _, keys = raster.fragments(corners, np.arange(4000), WIDTH, HEIGHT)
    near, own = raster.nearness_of(keys), corners[raster.triangles_of(keys), :, 2]
    assert len(keys) > 100
    assert (near >= own.min(1) - 1e-6).all() and (near <= own.max(1) + 1e-6).all()


def test_nothing_is_seen_of_what_lies_outside():
    corners = np.array([[[-50.0, 3.0, 1.0], [-10.0, 3.0, 1.0], [-10.0, 30.0, 1.0]]])
    samples, keys = raster.fragments(corners, np.arange(1), WIDTH, HEIGHT)
    assert len(samples) == len(keys) == 0
    assert (raster.triangles_of(raster.nearest(samples, keys, 5)) == -1).all()
