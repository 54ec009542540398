# Sourced by what builds for a Cortex-M: no operating system, no standard library. The target is that of a Cortex-M4 with
# floating point unless it was set before.
#
# `core` for that target comes from rustup where it can, otherwise it is compiled from Debian's packages `rustc-web`
# and `rust-web-src` (which need RUSTC_BOOTSTRAP, since -Zbuild-std is not stable). These must be as new as
# `rust-version` in Cargo.toml, which those of Debian 12 are not. The toolchain is the one of the folder in which
# `need_core` is called.

target="${target:-thumbv7em-none-eabihf}"
# What cargo is given besides the target, once `need_core` has run.
core_flags=()

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_packages() { # PACKAGE...
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

from_rustup() {
  command -v rustup >/dev/null || return 1
  rustup target list --installed | grep -qx "$target" || rustup target add "$target"
}

from_debian() {
  [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ] && return
  install_packages rustc-web rust-web-src
}

need_core() {
  if [ "${CHIRRUP_CORE:-rustup}" = rustup ] && from_rustup; then return; fi
  from_debian
  export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
  core_flags=(-Zbuild-std=core)
}
