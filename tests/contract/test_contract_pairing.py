"""Section 8 from both sides: the receiver's own code, pasted on the mini PC, reaches that receiver over TLS, pinned."""

import dataclasses
import shutil
import threading

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import TOKEN, Bench
from tray_app import config, main, pairing
from tray_app.home import Home

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture
def served(tmp_path):
    """A receiver with a certificate of its own; code(token) is what its `pair` would print."""
    folder = tmp_path / "vps"
    folder.mkdir()
    program.make_certificate(folder, "127.0.0.1")
    bench = Bench(folder, public_url="https://127.0.0.1")
    tls = (folder / "certificate.pem", folder / "certificate-key.pem")
    server = program.make_server(program.Doors(bench.receiver).app, "127.0.0.1", 0, tls)
    server.expiration_interval = 0.02
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    settings = dataclasses.replace(
        bench.receiver.config, public_url=f"https://127.0.0.1:{server.bind_addr[1]}", certificate=tls[0]
    )
    yield lambda token: program.pairing_code(settings, "mini-pc", token)
    server.stop()
    thread.join(10)
    bench.receiver.store.close()


def paired(home, text):
    """(exit code of --pair-file, the settings that then stand in sentry.ini or None)."""
    (home.root / "code.txt").write_text(f"\n在小主机上粘贴这个配对码：\n{text}\n", encoding="utf-8")
    code = main.main(["--home", str(home.root), "--pair-file", str(home.root / "code.txt")])
    assert not (home.root / "code.txt").exists()
    return code, config.load(home.ini) if home.ini.exists() else None


@pytest.fixture
def home(tmp_path):
    found = Home(tmp_path / "pc")
    found.make_folders()
    return found


def test_the_receivers_code_connects_over_its_own_certificate(served, home):
    code, settings = paired(home, served(TOKEN))
    assert code == pairing.CONNECTED
    assert (settings.machine, settings.token) == ("mini-pc", TOKEN)
    assert settings.receiver.startswith("https://127.0.0.1:") and len(settings.fingerprint) == 64


def test_a_token_that_the_receiver_does_not_know_yet_is_told_and_not_written(served, home):
    assert paired(home, served("a-token-of-the-next-pair")) == (pairing.UNKNOWN_TOKEN, None)


def test_the_code_of_another_receiver_at_the_same_address_is_not_taken(served, home, tmp_path):
    (tmp_path / "other").mkdir()
    program.make_certificate(tmp_path / "other", "127.0.0.1")
    code = pairing.parse(served(TOKEN))
    other = code._replace(fingerprint=program.fingerprint_of(tmp_path / "other" / "certificate.pem"))
    assert pairing.ask_receiver(other).code == pairing.OTHER_CERTIFICATE
    assert pairing.ask_receiver(code).code == pairing.CONNECTED
