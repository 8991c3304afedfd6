#!/bin/sh
# Puts Lanetally on a box with Debian 12 or Raspberry Pi OS, and takes it away again. Run it as root,
# as often as you like: what is there already stays.
#   install.sh WHEEL [--wheels DIR]   programs, user, units and rules; packages from DIR, else from
#                                     wherever pip is set to fetch them
#   install.sh lane NAME [FILE]       a lane by the configuration FILE, else by the example to fill in
#   install.sh bridge [FILE]          the bridge, the same way
#   install.sh remove [--with-data]   programs, units and rules; with journals, ledger and settings
set -eu
umask 022 # the lane's user reads what root brings, whatever root's own shell is set to
here=$(cd "$(dirname "$0")" && pwd)
programs=/opt/lanetally
settings=/etc/lanetally
units=/etc/systemd/system

say() { # ENGLISH CHINESE
    case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    zh*) printf '%s\n' "$2" ;;
    *) printf '%s\n' "$1" ;;
    esac
}

stop() {
    say "$@" >&2
    exit 1
}

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# --- the programs ----------------------------------------------------------------------------------

needs_packages() { # those of Debian's that are missing
    missing=
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
    ldconfig -p | grep -q libzbar.so.0 || missing="$missing libzbar0"
    ldconfig -p | grep -q libusb-1.0.so.0 || missing="$missing libusb-1.0-0"
    [ -z "$missing" ] && return
    say "Installing$missing …" "正在安装$missing …"
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $missing >/dev/null ||
        stop "Install these packages first:$missing" "请先安装以下软件包：$missing"
}

make_user() { # NAME
    getent passwd "$1" >/dev/null ||
        useradd --system --user-group --no-create-home --home-dir /nonexistent \
            --shell /usr/sbin/nologin "$1"
}

# Each version has a folder of its own: an update that breaks off has changed nothing, and the
# version before is still there to go back to.
install_programs() { # WHEEL [--wheels DIR]
    wheel=$1
    shift
    [ -f "$wheel" ] || stop "There is no file $wheel" "找不到文件 $wheel"
    if [ "$#" -gt 0 ]; then
        [ "$1" = --wheels ] || usage
        [ -d "${2:-}" ] || usage
        set -- --no-index --find-links "$2"
    fi
    version=$(basename "$wheel" | cut -d- -f2)-$(sha256sum "$wheel" | cut -c1-8)
    home=$programs.d/$version
    if [ ! -e "$home/.whole" ]; then
        say "Installing Lanetally $version in $home …" "正在将 Lanetally $version 安装到 $home …"
        rm -rf "$home"
        python3 -m venv "$home"
        "$home/bin/python" -m pip install --quiet --disable-pip-version-check \
            --no-warn-script-location --no-compile "$@" "$wheel"
        # on all processors, which pip does not; what is not for this Python stays as it is
        "$home/bin/python" -m compileall -qq -j 0 "$home/lib" >/dev/null || true
        touch "$home/.whole"
    fi
    before=$(readlink "$programs" || true)
    ln -sfn "$home" "$programs.new"
    mv -T "$programs.new" "$programs"
}

# Each takes as much as a whole Python. With the same wheel again, which one was before is not known.
drop_old_programs() {
    [ "$before" != "$home" ] || return 0
    for old in "$programs.d"/*; do
        [ "$old" = "$home" ] || [ "$old" = "$before" ] || rm -rf "$old"
    done
}

install_units() {
    install -m 644 "$here/lanetally-agent@.service" "$here/lanetally-bridge.service" \
        "$here/lanetally-camera@.service" "$here/lanetally-camera.socket" "$units/"
    install -D -m 644 "$here/71-lanetally.rules" /etc/udev/rules.d/71-lanetally.rules
    install -D -m 644 "$here/lanetally.modules" /etc/modules-load.d/lanetally.conf
    ln -sf "$programs/bin/lanetally" "$programs/bin/lanetally-bridge" /usr/local/bin/
    [ -d /run/systemd/system ] || return 0 # an image that is not running
    systemctl daemon-reload
    systemctl restart systemd-modules-load.service || true
    udevadm control --reload
    udevadm trigger --action=change --subsystem-match=input --subsystem-match=hidraw \
        --subsystem-match=usbmisc
    # what runs begins anew, with the new version; what does not run stays off
    systemctl try-restart 'lanetally-agent@*.service' lanetally-bridge.service
}

install_all() {
    needs_packages
    make_user lanetally
    make_user lanetally-bridge
    install_programs "$@"
    install -d -m 755 "$settings"
    install_units
    drop_old_programs # when nothing runs from them any more
    say "Installed. Next: $0 lane NAME" "安装完成。下一步：$0 lane 通道名"
}

# --- lanes and the bridge --------------------------------------------------------------------------

take_settings() { # TARGET OWNER CHECKER FILE: 1 if they are an example that is to be filled in
    target=$1 owner=$2 checker=$3 file=${4:-}
    [ -x "$programs/bin/$checker" ] ||
        stop "Install the programs first: $0 WHEEL" "请先安装程序：$0 WHEEL"
    if [ -n "$file" ]; then
        "$programs/bin/$checker" config check "$file" ||
            stop "$file is not in order: nothing was changed" "$file 有误：未作任何更改"
        [ "$file" -ef "$target" ] || install -m 640 -o root -g "$owner" "$file" "$target"
    elif [ ! -e "$target" ]; then
        install -m 640 -o root -g "$owner" /dev/null "$target"
        example "$checker" >"$target"
        say "Fill in $target, then run this again" "请填写 $target，然后再次运行本命令"
        return 1
    else
        "$programs/bin/$checker" config check "$target" ||
            stop "$target is not in order yet" "$target 仍有错误"
    fi
}

example() { # PROGRAM
    python=$programs/bin/python
    case $1 in
    lanetally) "$programs/bin/lanetally" config example ;;
    lanetally-bridge)
        "$python" -c 'from importlib.resources import files
print(files("cloud_bridge").joinpath("bridge.example.toml").read_text("utf-8"), end="")'
        ;;
    esac
}

switch_on() { # UNIT
    systemctl enable --quiet "$1"
    systemctl restart "$1" || {
        journalctl --no-pager --lines=20 --unit="$1" >&2
        stop "$1 does not start: see above" "$1 无法启动，见上文"
    }
    say "$1 runs, now and after each start of the box" "$1 已运行，以后开机自动启动"
}

add_lane() { # NAME [FILE]
    case ${1:-} in
    '' | *[!A-Za-z0-9_-]*) usage ;;
    bridge) stop "A lane cannot be called bridge" "通道名不能为 bridge" ;;
    esac
    take_settings "$settings/$1.toml" lanetally lanetally "${2:-}" || return 0
    switch_on "lanetally-agent@$1.service"
}

add_bridge() { # [FILE]
    take_settings "$settings/bridge.toml" lanetally-bridge lanetally-bridge "${1:-}" || return 0
    switch_on lanetally-bridge.service
}

# --- and away again --------------------------------------------------------------------------------

remove() { # [--with-data]
    for unit in $(systemctl list-units --all --plain --no-legend 'lanetally-*' | cut -d' ' -f1); do
        systemctl disable --now --quiet "$unit" || true
    done
    rm -rf "$units"/lanetally-agent@.service "$units"/lanetally-bridge.service \
        "$units"/lanetally-camera@.service "$units"/lanetally-camera.socket \
        "$units"/multi-user.target.wants/lanetally-agent@*.service \
        /etc/udev/rules.d/71-lanetally.rules /etc/modules-load.d/lanetally.conf \
        /usr/local/bin/lanetally /usr/local/bin/lanetally-bridge "$programs" "$programs.d"
    if [ "${1:-}" = --with-data ]; then # what `systemctl edit` has made
        rm -rf "$units"/lanetally-agent@*.service.d "$units"/lanetally-bridge.service.d \
            "$units"/lanetally-camera@*.service.d "$units"/lanetally-camera.socket.d
    fi
    systemctl daemon-reload
    systemctl reset-failed 'lanetally-*' 2>/dev/null || true # what ended badly is not remembered
    udevadm control --reload
    if [ "${1:-}" != --with-data ]; then
        say "Removed. Journals, ledger and settings are kept: /var/lib/lanetally*, $settings" \
            "已卸载。日志、账本和配置保留在 /var/lib/lanetally* 和 $settings"
        return
    fi
    rm -rf /var/lib/lanetally /var/lib/lanetally-bridge "$settings"
    for user in lanetally lanetally-bridge; do
        if getent passwd $user >/dev/null; then userdel $user; fi
    done
    say "Removed, with all data" "已全部卸载，包括数据"
}

# ---------------------------------------------------------------------------------------------------

[ "$#" -gt 0 ] || usage
[ "$(id -u)" = 0 ] || stop "Run this as root: sudo $0 $*" "请以 root 身份运行：sudo $0 $*"
case $1 in
lane) shift && add_lane "$@" ;;
bridge) shift && add_bridge "$@" ;;
remove) shift && remove "$@" ;;
-*) usage ;;
*) install_all "$@" ;;
esac
