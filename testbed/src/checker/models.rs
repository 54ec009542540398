//! No node runs a model that no version gave it: what it holds under a number is what was published under it.
use super::{Findings, Violation};
use crate::radio::NodeIndex;
use chirrup_protocol::time::Instant;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A node came to run a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelNote {
    /// When it was noticed.
    pub at: Instant,
    /// The version that the node takes it for.
    pub version: u32,
    /// [`digest`] of its parameters.
    pub digest: u64,
}

/// The first eight bytes of SHA-256 over the parameters' bits, little-endian.
pub fn digest(params: &[f32]) -> u64 {
    let mut hash = Sha256::new();
    params.iter().for_each(|param| hash.update(param.to_bits().to_le_bytes()));
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

/// Compares what nodes came to run with the digests of the versions that were published.
pub fn check<'a>(
    nodes: impl Iterator<Item = (NodeIndex, &'a [ModelNote])>,
    published: &BTreeMap<u32, u64>,
) -> Findings {
    let mut findings = Findings::default();
    for (node, note) in nodes.flat_map(|(node, notes)| notes.iter().map(move |note| (node, note))) {
        findings.look();
        if published.get(&note.version) != Some(&note.digest) {
            findings.find(Violation::UnknownModel { node, version: note.version, at: note.at });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_must_be_the_one_of_its_number() {
        let published = BTreeMap::from([(1, digest(&[0.5, -0.5])), (2, digest(&[0.25, 1.0]))]);
        let at = Instant::from_micros(7);
        let note = |version, params: &[f32]| ModelNote { at, version, digest: digest(params) };
        let ran = [note(1, &[0.5, -0.5]), note(2, &[0.5, -0.5]), note(3, &[0.25, 1.0])];
        let findings = check([(NodeIndex(4), &ran[..])].into_iter(), &published);
        let unknown = |version| Violation::UnknownModel { node: NodeIndex(4), version, at };
        assert_eq!((findings.looked_at, findings.violations), (3, vec![unknown(2), unknown(3)]));
        assert_ne!(digest(&[0.0]), digest(&[-0.0]), "every bit counts");
    }
}
