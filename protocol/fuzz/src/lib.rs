//! What is fuzzed in `chirrup-protocol`, and of the images that `chirrup-learn` runs; and what must hold of every
//! input.
//!
//! Each target is a function of bytes that panics when something does not hold, and a list of valid inputs from which
//! a fuzzer starts. [`TARGETS`] names them all; `fuzz_targets/` has a program for each. `.ci/fuzz` builds and runs
//! them with a stable compiler; `cargo fuzz run NAME` works where a nightly one is installed.
//!
//! Beyond "no panic", with overflow checks and debug assertions, the targets demand:
//! - what was read is written again, to the same bytes where a format has one form only;
//! - what was decoded is finite and within its bounds, and memory beyond a block is left alone;
//! - what is sealed or signed opens only unaltered;
//! - machines of several steps agree with a naive model that remembers everything.
//!
//! Modules: [`input`] and [`memory`] are tools, [`image`] is of `chirrup-learn`; the others are the protocol's parts.
pub mod backhaul;
pub mod ble;
pub mod codec;
pub mod epoch;
pub mod identity;
pub mod image;
pub mod input;
pub mod memory;
pub mod message;
pub mod object;
pub mod seal;
pub mod task;

/// Something to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the program in `fuzz_targets/`.
    pub name: &'static str,
    /// Panics when something does not hold of the input.
    pub check: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident: $check:path, $seeds:path;)*) => {
        &[$(Target { name: stringify!($name), check: $check, seeds: $seeds }),*]
    };
}

/// All targets.
pub const TARGETS: &[Target] = targets! {
    contribution: message::contribution, message::contribution_seeds;
    status: message::status, message::status_seeds;
    evaluation: message::evaluation, message::evaluation_seeds;
    moments: message::moments, message::moments_seeds;
    chunk: message::chunk, message::chunk_seeds;
    control: message::control, message::control_seeds;
    seal_forged: seal::forged, seal::forged_seeds;
    seal_bound: seal::bound, seal::bound_seeds;
    seal_header: seal::header, seal::header_seeds;
    replay: seal::replay, seal::replay_seeds;
    counters: seal::counters, seal::counters_seeds;
    epoch_record: epoch::record, epoch::record_seeds;
    epochs: epoch::epochs, epoch::epochs_seeds;
    key_id: epoch::key_id, epoch::key_id_seeds;
    slots: epoch::slots, epoch::slots_seeds;
    manifest: object::manifest, object::manifest_seeds;
    assembly: object::assembly, object::assembly_seeds;
    progress: object::progress, object::progress_seeds;
    task: task::task, task::task_seeds;
    envelope: backhaul::envelope, backhaul::envelope_seeds;
    uplink: backhaul::uplink, backhaul::uplink_seeds;
    receipt: backhaul::receipt, backhaul::receipt_seeds;
    ble_frames: ble::frames, ble::frames_seeds;
    ble_fragments: ble::fragments, ble::fragments_seeds;
    base45: identity::base45, identity::base45_seeds;
    identity_text: identity::identity_text, identity::identity_text_seeds;
    enrolment: identity::enrolment, identity::enrolment_seeds;
    welcome: identity::welcome, identity::welcome_seeds;
    keys_object: identity::keys_object, identity::keys_object_seeds;
    revocation: identity::revocation, identity::revocation_seeds;
    range: codec::entropy::range, codec::entropy::range_seeds;
    positions: codec::entropy::positions, codec::entropy::positions_seeds;
    linear: codec::models::linear, codec::models::linear_seeds;
    linear_block: codec::models::linear_block, codec::models::linear_block_seeds;
    one_versus_one: codec::models::one_versus_one, codec::models::one_versus_one_seeds;
    tree: codec::models::tree, codec::models::tree_seeds;
    tree_blocks: codec::models::tree_blocks, codec::models::tree_blocks_seeds;
    prototypes: codec::models::prototypes, codec::models::prototypes_seeds;
    encoders: codec::updates::encoders, codec::updates::encoders_seeds;
    topk: codec::updates::topk, codec::updates::topk_seeds;
    dense: codec::updates::dense, codec::updates::dense_seeds;
    drive: codec::updates::drive, codec::updates::drive_seeds;
    eden: codec::updates::eden, codec::updates::eden_seeds;
    terngrad: codec::updates::terngrad, codec::updates::terngrad_seeds;
    qsgd: codec::updates::qsgd, codec::updates::qsgd_seeds;
    nuqsgd: codec::updates::nuqsgd, codec::updates::nuqsgd_seeds;
    elastic: codec::updates::elastic, codec::updates::elastic_seeds;
    sign: codec::updates::sign, codec::updates::sign_seeds;
    low_rank: codec::updates::low_rank, codec::updates::low_rank_seeds;
    sparse_sign: codec::updates::sparse_sign, codec::updates::sparse_sign_seeds;
    planned: codec::updates::planned, codec::updates::planned_seeds;
    update_codec: codec::updates::update_codec, codec::updates::update_codec_seeds;
    class_means: codec::statistics::class_means, codec::statistics::class_means_seeds;
    second_moments: codec::statistics::second_moments, codec::statistics::second_moments_seeds;
    random_layer: codec::statistics::random_layer, codec::statistics::random_layer_seeds;
    network_image: image::network, image::network_seeds;
    forest_image: image::forest, image::forest_seeds;
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn seeds_hold_and_survive_small_changes() {
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{}", target.name);
            (target.check)(&[]);
            for seed in seeds {
                (target.check)(&seed);
                for place in 0..seed.len() {
                    (target.check)(&seed[..place]);
                    let mut altered = seed.clone();
                    altered[place] ^= 0x41;
                    (target.check)(&altered);
                }
            }
        }
    }

    #[test]
    fn every_target_has_its_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
        let programs = std::fs::read_dir(folder).expect("the folder is part of the package");
        let programs: BTreeSet<_> = programs
            .map(|entry| entry.expect("it can be read").path().file_stem().expect("it has a name").to_owned())
            .map(|name| name.into_string().expect("names are ASCII"))
            .collect();
        assert_eq!(programs, TARGETS.iter().map(|target| target.name.to_owned()).collect());
    }
}
