//! What a node does once: its keys, its enrolment, and the secret that it shares with the aggregator.
use super::Item;
use chirrup_protocol::identity::{AggregatorKeys, AgreementKey, Enrolment, NodeKeys};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::manifest::TrustAnchor;
use ed25519_dalek::SigningKey;

const DEVICE: DevEui = DevEui::from_u64(7);

/// All items of this section.
pub const ITEMS: &[Item] = &[
    Item::new("enrolment: derive keys and sign (Ed25519)", &[0], |m, _| {
        let enrolment = Enrolment::sign(DEVICE, &NodeKeys::from_seed(&[5; 32]));
        m.object[..enrolment.len()].copy_from_slice(&enrolment);
        Some(())
    }),
    Item::new("secret of a device, agree (X25519)", &[0], |m, _| {
        m.secret = m.node_keys.as_ref()?.device_secret(DEVICE, m.aggregator_keys.as_ref()?).ok();
        m.secret.is_some().then_some(())
    })
    .after(|m, _| {
        m.node_keys = Some(NodeKeys::from_seed(&[5; 32]));
        m.aggregator_keys = Some(AggregatorKeys {
            agreement: AgreementKey::new([6; 32]).public_key(),
            root: TrustAnchor::of(&SigningKey::from_bytes(&[3; 32])),
            generation: 1,
        });
        Some(())
    }),
];
