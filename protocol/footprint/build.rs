//! Links as programs of a Cortex-M are.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
}
