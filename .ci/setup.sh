#!/bin/sh
# Prepares this checkout: system packages, a private uv in .uv, the locked packages and Lanetally
# itself in .venv. `make setup` runs it.
#   .ci/setup.sh         all that a lane needs
#   .ci/setup.sh test    the real broker, database, bookkeeper, browser and pictures that the tests meet
# PYTHON names the interpreter (default: python3).
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}

say() { # ENGLISH CHINESE
    case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    zh*) printf '%s\n' "$2" >&2 ;;
    *) printf '%s\n' "$1" >&2 ;;
    esac
}

stop() {
    say "$@"
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" 2>/dev/null; fi
}

apt_install() { # PACKAGE...: true if apt has installed them
    command -v apt-get >/dev/null && as_root true || return 1
    say "Installing $* …" "正在安装 $* …"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" \
        >/dev/null 2>&1 ||
        { as_root apt-get update -qq >/dev/null 2>&1 &&
            as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -qq --no-install-recommends "$@" >/dev/null; }
}

has_header() { # FILE: where the C compiler looks for it
    printf '#include <%s>\n' "$1" | cc -E -I "$("$PYTHON" -c \
        'import sysconfig; print(sysconfig.get_path("include"))')" - >/dev/null 2>&1
}

# evdev comes as source: it is compiled against the kernel's and Python's headers.
compiler_is_there() {
    command -v cc >/dev/null && has_header linux/input.h && has_header Python.h
}

zbar_is_there() {
    "$PYTHON" -c 'import ctypes; ctypes.CDLL("libzbar.so.0")' 2>/dev/null
}

# The names are those that drivers/printer/raster.py looks for.
chinese_font_is_there() {
    find /usr/share/fonts -name 'wqy-*' -o -name 'DroidSansFallback*' -o -name 'uming*' \
        -o -name 'NotoSansCJK*' 2>/dev/null | grep -q .
}

mosquitto_is_there() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto >/dev/null
}

chromium_is_there() {
    command -v chromium >/dev/null && command -v chromedriver >/dev/null
}

# Debian's minimal images drop /usr/share/doc as they install: then apt succeeds and brings nothing.
real_pictures_are_there() {
    [ -e /usr/share/doc/opencv-doc/opencv4/html/4_barcodes.jpg ] &&
        [ -e /usr/share/doc/opencv-doc/examples/data/vtest.avi ]
}

postgres_is_there() {
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

# The tests start servers of their own: the package is to make none, and to start none.
install_postgres() {
    own=/etc/postgresql-common/createcluster.conf
    apt_install postgresql-common || return 1
    as_root sed -i.lanetally 's/^#*create_main_cluster *=.*/create_main_cluster = false/' $own
    apt_install postgresql
    installed=$?
    as_root mv $own.lanetally $own
    return $installed
}

check_python() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        stop "Lanetally needs Python 3.11 or later; name one that you have: make setup PYTHON=python3.11" \
            "Lanetally 需要 Python 3.11 或更高版本；请指定已安装的版本：make setup PYTHON=python3.11"
}

install_system_packages() {
    compiler_is_there || apt_install gcc libc6-dev python3-dev && compiler_is_there ||
        stop "A C compiler and Python's headers are needed to build evdev: sudo apt install gcc libc6-dev python3-dev" \
            "编译 evdev 需要 C 编译器和 Python 头文件：sudo apt install gcc libc6-dev python3-dev"
    zbar_is_there || apt_install libzbar0 ||
        say "Camera barcodes stay off until you run: sudo apt install libzbar0" \
            "摄像头条码识别暂不可用，请运行：sudo apt install libzbar0"
    chinese_font_is_there || apt_install fonts-wqy-microhei ||
        say "Printers without Chinese fonts cannot print Chinese until you run: sudo apt install fonts-wqy-microhei" \
            "没有中文字库的打印机暂时无法打印中文，请运行：sudo apt install fonts-wqy-microhei"
}

# Debian keeps venv and pip in packages of their own, and its pip refuses to touch the system.
fetch_uv() {
    "$PYTHON" -m venv .uv >/dev/null 2>&1 &&
        .uv/bin/python -m pip install -q --disable-pip-version-check uv ||
        "$PYTHON" -m pip install -q --disable-pip-version-check --upgrade --target .uv uv
}

bootstrap_uv() {
    [ -x .uv/bin/uv ] && .uv/bin/uv --version >/dev/null 2>&1 && return
    rm -rf .uv
    fetch_uv || { apt_install python3-venv && fetch_uv; } ||
        stop "uv could not be fetched. It takes a network, and Python's venv: sudo apt install python3-venv" \
            "无法获取 uv：需要网络连接和 Python venv：sudo apt install python3-venv"
}

install_python_packages() {
    .venv/bin/python -c '' 2>/dev/null || .uv/bin/uv venv -q --clear --python "$PYTHON" .venv
    .uv/bin/uv pip sync -q --python .venv/bin/python --require-hashes requirements.lock
    .uv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation --editable .
}

case "${1:-lane}" in
lane)
    check_python
    install_system_packages
    bootstrap_uv
    install_python_packages
    ;;
test)
    mosquitto_is_there || apt_install mosquitto && mosquitto_is_there ||
        stop "The tests talk to a real broker: sudo apt install mosquitto" \
            "测试需要真实的 MQTT 服务器：sudo apt install mosquitto"
    postgres_is_there || install_postgres && postgres_is_there ||
        stop "The tests start a real database: sudo apt install postgresql-15" \
            "测试需要真实的数据库：sudo apt install postgresql-15"
    command -v hledger >/dev/null || apt_install hledger && command -v hledger >/dev/null ||
        stop "The tests let a foreign bookkeeper add up the books: sudo apt install hledger" \
            "测试用第三方记账软件核对账目：sudo apt install hledger"
    real_pictures_are_there || apt_install opencv-doc && real_pictures_are_there ||
        say "Two camera tests on real pictures are skipped until /usr/share/doc/opencv-doc is there: sudo apt install opencv-doc" \
            "在安装 /usr/share/doc/opencv-doc 之前，将跳过两项使用真实图像的摄像头测试：sudo apt install opencv-doc"
    chromium_is_there || apt_install chromium chromium-driver && chromium_is_there ||
        say "The lane screen stays untested until you run: sudo apt install chromium chromium-driver" \
            "收银台屏幕暂不测试，请运行：sudo apt install chromium chromium-driver"
    ;;
esac
