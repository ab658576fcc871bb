"""Small fogs to speak to."""

from rl.fog.settings import FogSettings

THREE = {
    "SIZE": "3",
    "NO_LAYERS": "1",
    "CONTROLLERS": "0;1",
    "CLOUD_EXISTS": "0",
    "RANDOMIZETOPOLOGY": "false",
    "init.Net1.TOPOLOGY": "0,1,2;1,0;2,0",
    "CYCLES": "30",
}


def three(**keys: object) -> FogSettings:
    """Node 0 is linked to both others; 0 and 1 are controllers."""
    return FogSettings.from_keys({**THREE, **keys})
