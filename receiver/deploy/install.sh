#!/bin/sh
# Installs the receiver on a Debian or Ubuntu VPS, or upgrades it: `sh receiver/deploy/install.sh`, as root. It may be run
# again at any time; receiver.ini is never touched, before an upgrade the database is backed up by the old program, and
# a receiver that its owner has stopped stays stopped.
set -eu
umask 022 # a hardened root's 077 would keep the service's user out of its own program
cd "$(dirname "$0")/.."
home=/var/lib/qmt-sentry
program=/opt/qmt-sentry

trap '[ $? = 0 ] || echo "没有装完，原因在上面；改好后再运行一次这条命令就行。" >&2' EXIT
if [ "$(id -u)" != 0 ]; then
    echo "要用 root 运行：先输入 sudo -s，再运行一次。" >&2
    exit 2
fi
# python3 alone is not enough: Debian keeps what a venv needs in a package of its own.
if ! python3 -c 'import ensurepip' 2>/dev/null || ! command -v openssl >/dev/null; then
    apt-get update
    apt-get install -y python3-venv openssl
fi
id qmt-sentry >/dev/null 2>&1 || useradd --system --home-dir "$home" --shell /usr/sbin/nologin qmt-sentry
install -d -o qmt-sentry -g qmt-sentry -m 700 "$home"
# Missing, half made, or of a Python that a newer Debian has replaced: made anew.
if ! "$program/bin/pip" --version >/dev/null 2>&1; then
    rm -rf "$program/bin" "$program"/lib*
    python3 -m venv "$program"
fi
"$program/bin/pip" install --quiet --disable-pip-version-check bottle==0.13.4 cheroot==11.1.2

if [ -e "$home/receiver.db" ] && [ -e "$program/receiver.py" ]; then
    sh deploy/qmt-sentry backup "before-upgrade-$(date +%Y%m%d-%H%M%S).db"
fi
install -m 644 receiver.py "$program/receiver.py"
install -m 755 deploy/qmt-sentry /usr/local/bin/qmt-sentry
for unit in qmt-sentry.service qmt-sentry-backup.service qmt-sentry-backup.timer; do
    install -m 644 "deploy/$unit" "/etc/systemd/system/$unit"
done
state=$(systemctl is-active qmt-sentry || true)
systemctl daemon-reload
systemctl enable --now qmt-sentry-backup.timer
if [ ! -e "$home/receiver.ini" ]; then
    echo "已装好。下一步：qmt-sentry init"
elif [ "$state" = inactive ] || [ "$state" = failed ]; then
    # Whoever stopped it had a reason. One that crashes is never in these states: its unit says Restart=always.
    echo "已升级。接收端原来停着，没有启动它；要启动：systemctl start qmt-sentry"
else
    systemctl restart qmt-sentry
    echo "已升级并重新启动。运行 qmt-sentry check 看一眼。"
fi
