from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg

from dinoscope.encoders._compact_net import CompactConfig, CompactNet
from dinoscope.errors import SettingsError
from dinoscope.training._calibration import calibrate, whitening_matrix

SMALL = CompactConfig(widths=(4, 6, 8), dilations=((), (), (1,)), channels=5)


def correlated(tokens: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(tokens, 4)) @ rng.normal(size=(4, 4))


def test_whitening_without_a_floor_decorrelates() -> None:
    tokens = torch.from_numpy(correlated(500))
    white = tokens @ whitening_matrix(tokens, 0.0)
    torch.testing.assert_close(torch.cov(white.T), torch.eye(4, dtype=torch.float64))


def test_whitening_is_the_inverse_root_of_the_raised_covariance() -> None:
    tokens = correlated(300)
    covariance = np.cov(tokens.T)
    raised = covariance + 0.05 * np.linalg.norm(covariance, 2) * np.eye(4)
    expected = np.linalg.inv(linalg.sqrtm(raised).real)
    np.testing.assert_allclose(whitening_matrix(torch.from_numpy(tokens), 0.05).numpy(), expected, rtol=1e-6)


def test_constant_channels_stay_finite() -> None:
    tokens = torch.from_numpy(correlated(50))
    tokens[:, 2] = 1.0
    assert torch.isfinite(whitening_matrix(tokens, 0.01)).all()


def test_calibrated_features_are_standardised_and_spread_out() -> None:
    torch.manual_seed(0)
    net = CompactNet(SMALL)
    crops = [torch.rand(4, 1, 64, 64) for _ in range(6)]

    def covariance() -> torch.Tensor:
        with torch.no_grad():
            return torch.cov(torch.cat([net(batch).movedim(1, -1).flatten(0, 2) for batch in crops]).T)

    net.train()
    for batch in crops:
        net(batch)
    net.eval()
    before = torch.linalg.eigvalsh(covariance())
    calibrate(net, crops)
    after = torch.linalg.eigvalsh(covariance())
    assert not net.training
    assert after[-1] / after[0] < before[-1] / before[0]
    torch.testing.assert_close(covariance().diagonal(), torch.ones(5), rtol=0.1, atol=0.1)


def test_folded_network_is_refused() -> None:
    net = CompactNet(SMALL)
    net.fold()
    with pytest.raises(SettingsError, match="folded"):
        calibrate(net, [torch.rand(1, 1, 32, 32)])
