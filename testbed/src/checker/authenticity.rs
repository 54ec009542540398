//! What the aggregator accepted was sealed by the node that it names, port and all, and is in the ledger once.
use super::sealing::{Place, SealLog, digest};
use super::{Findings, Violation};
use chirrup_aggregator::core::ledger::Record;
use chirrup_protocol::ids::DevEui;
use std::collections::{BTreeMap, BTreeSet};

/// Looks up every frame of the ledger in the logs of what nodes sealed. Returns beside the findings, for each record,
/// the place of its frame; `None` for other records and for frames that were not sealed or came before.
pub fn check(ledger: &[Record], sealed: &BTreeMap<DevEui, &SealLog>) -> (Findings, Vec<Option<Place>>) {
    let sealed: BTreeMap<DevEui, BTreeMap<u64, Place>> = sealed
        .iter()
        .map(|(&dev_eui, log)| {
            (dev_eui, log.frames().iter().map(|frame| (frame.digest, frame.place())).collect())
        })
        .collect();
    let (mut findings, mut seen) = (Findings::default(), BTreeSet::new());
    let places = ledger.iter().map(|record| {
        let Record::Frame { at, uplink } = record else { return None };
        findings.look();
        let (at, dev_eui, fport) = (*at, uplink.dev_eui, uplink.fport);
        let place = sealed.get(&dev_eui).and_then(|frames| frames.get(&digest(fport, &uplink.payload)));
        let Some(&place) = place else {
            findings.find(Violation::NeverSealed { dev_eui, fport, at });
            return None;
        };
        if !seen.insert((dev_eui, place)) {
            let Place { epoch, counter } = place;
            findings.find(Violation::AcceptedTwice { dev_eui, epoch, counter, at });
            return None;
        }
        Some(place)
    });
    let places = places.collect();
    (findings, places)
}
