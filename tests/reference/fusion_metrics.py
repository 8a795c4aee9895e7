"""Fusion metrics written from their definitions, one pixel at a time, in plain Python."""

import math
from fractions import Fraction


def luma(picture_HWC):
    return [
        [round(Fraction(299 * int(r) + 587 * int(g) + 114 * int(b), 1000)) for r, g, b in row]
        for row in picture_HWC
    ]


def pixel(picture, y, x, border):
    height, width = len(picture), len(picture[0])
    if border == "replicate":
        return picture[min(max(y, 0), height - 1)][min(max(x, 0), width - 1)]
    return picture[y][x] if 0 <= y < height and 0 <= x < width else 0.0


def gradients(picture, weights, border):
    """Rows of (left minus right, bottom minus top)."""
    return [
        [
            (
                sum(
                    weights[k]
                    * (pixel(picture, y + k - 1, x - 1, border) - pixel(picture, y + k - 1, x + 1, border))
                    for k in range(3)
                ),
                sum(
                    weights[k]
                    * (pixel(picture, y + 1, x + k - 1, border) - pixel(picture, y - 1, x + k - 1, border))
                    for k in range(3)
                ),
            )
            for x in range(len(picture[0]))
        ]
        for y in range(len(picture))
    ]


def angle(gx, gy):
    return math.pi / 2 if gx == 0 else math.atan(gy / gx)


def kept(source, fused):
    g_s, g_f = math.hypot(*source), math.hypot(*fused)
    strength = 1.0 if g_s == g_f else min(g_s, g_f) / max(g_s, g_f)
    agreement = 1 - abs(angle(*source) - angle(*fused)) / (math.pi / 2)
    q_g = 0.9994 / (1 + math.exp(-15 * (strength - 0.5)))
    q_a = 0.9879 / (1 + math.exp(-22 * (agreement - 0.8)))
    return q_g * q_a


def qabf(a, b, f, border, is_in=lambda y, x: True):
    edges = [gradients(each, (1, 2, 1), border) for each in (a, b, f)]
    above, below = [], []
    for y in range(len(a)):
        for x in range(len(a[0])):
            if is_in(y, x):
                g_a, g_b = (math.hypot(*edges[n][y][x]) for n in (0, 1))
                above.append(
                    kept(edges[0][y][x], edges[2][y][x]) * g_a + kept(edges[1][y][x], edges[2][y][x]) * g_b
                )
                below.append(g_a + g_b)
    return math.fsum(above) / math.fsum(below) if any(below) else math.nan


def edge_intensity(f, border="replicate", is_in=lambda y, x: True):
    found = gradients(f, (1, 2, 1), border)
    values = [math.hypot(*found[y][x]) for y in range(len(f)) for x in range(len(f[0])) if is_in(y, x)]
    return math.fsum(values) / len(values) if values else math.nan


def prewitt(picture):
    return [[math.hypot(*edge) for edge in row] for row in gradients(picture, (1, 1, 1), "zero")]


def gaussian_11():
    raw = [[math.exp(-(x * x + y * y) / (2 * 1.5**2)) for x in range(-5, 6)] for y in range(-5, 6)]
    total = math.fsum(math.fsum(row) for row in raw)
    return [weight / total for row in raw for weight in row]


def covariance(weights, first, second):
    """Two passes about the first value, so that flat windows give exactly zero."""
    first, second = [value - first[0] for value in first], [value - second[0] for value in second]
    mean_first = math.fsum(w * v for w, v in zip(weights, first, strict=True))
    mean_second = math.fsum(w * v for w, v in zip(weights, second, strict=True))
    return math.fsum(
        w * (u - mean_first) * (v - mean_second) for w, u, v in zip(weights, first, second, strict=True)
    )


def ssim(weights, first, second):
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    m_1 = math.fsum(w * v for w, v in zip(weights, first, strict=True))
    m_2 = math.fsum(w * v for w, v in zip(weights, second, strict=True))
    v_1, v_2 = covariance(weights, first, first), covariance(weights, second, second)
    cross = covariance(weights, first, second)
    return (2 * m_1 * m_2 + c1) * (2 * cross + c2) / ((m_1**2 + m_2**2 + c1) * (v_1 + v_2 + c2))


def window(picture, y, x):
    return [picture[j][i] for j in range(y - 5, y + 6) for i in range(x - 5, x + 6)]


def piella(a, b, f, is_in=lambda y, x: True):
    """Q_S and Q_W."""
    weights = gaussian_11()
    quality, importance = [], []
    for y in range(5, len(a) - 5):
        for x in range(5, len(a[0]) - 5):
            if not is_in(y, x):
                continue
            w_a, w_b, w_f = (window(each, y, x) for each in (a, b, f))
            s_a, s_b = covariance(weights, w_a, w_a), covariance(weights, w_b, w_b)
            trust = s_a / (s_a + s_b) if s_a + s_b else 0.5
            quality.append(trust * ssim(weights, w_a, w_f) + (1 - trust) * ssim(weights, w_b, w_f))
            importance.append(max(s_a, s_b))
    q_s = math.fsum(quality) / len(quality) if quality else math.nan
    if not any(importance):
        return q_s, math.nan
    return q_s, math.fsum(q * c for q, c in zip(quality, importance, strict=True)) / math.fsum(importance)


def mse(a, f, is_in=lambda y, x: True):
    values = [(a[y][x] - f[y][x]) ** 2 for y in range(len(a)) for x in range(len(a[0])) if is_in(y, x)]
    return sum(values) / len(values) if values else math.nan


def mae(a, f, is_in=lambda y, x: True):
    values = [abs(a[y][x] - f[y][x]) for y in range(len(a)) for x in range(len(a[0])) if is_in(y, x)]
    return sum(values) / len(values) if values else math.nan


def psnr(error):
    return math.inf if error == 0 else 20 * math.log10(255) - 10 * math.log10(error)


def all_scores(a, b, f, is_in=lambda y, x: True):
    """Every score of three grey pictures, as lists of rows of whole numbers."""
    q_s, q_w = piella(a, b, f, is_in)
    _, q_w_edge = piella(prewitt(a), prewitt(b), prewitt(f), is_in)
    mse_a, mse_b = mse(a, f, is_in), mse(b, f, is_in)
    return {
        "qabf_replicate": qabf(a, b, f, "replicate", is_in),
        "qabf_zero": qabf(a, b, f, "zero", is_in),
        "q_s": q_s,
        "q_w": q_w,
        "q_w_edge": q_w_edge,
        "q_e": q_w * q_w_edge,
        "ei": edge_intensity(f, is_in=is_in),
        "psnr_item": psnr(mse_a),
        "psnr_bag": psnr(mse_b),
        "psnr_mean": (psnr(mse_a) + psnr(mse_b)) / 2,
        "psnr_joint": psnr((mse_a + mse_b) / 2),
        "mae_item": mae(a, f, is_in),
        "mae_bag": mae(b, f, is_in),
    }
