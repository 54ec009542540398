//! What the seed has in store for gateways and nodes.
use super::fleet::Fleet;
use super::node;
use crate::faults::Outages;
use crate::faults::byzantine::{Attack, Trigger};
use crate::faults::membership::chosen;
use crate::kernel::Rng;
use crate::scenario::Experiment;
use chirrup_protocol::seal::DeviceSecret;
use chirrup_protocol::time::Instant;
use std::rc::Rc;

/// When each gateway is off before `end`. `[gateways]`.
pub(super) fn gateway_outages(fleet: &Fleet, end: Instant) -> Vec<Outages> {
    let faults = &fleet.faults;
    let last = faults.until().min(end);
    let of = |index| {
        let mut rng = Rng::for_purpose(fleet.seed, "gateway-outages", index as u64);
        Outages::draw(&mut rng, faults.gateway_off_per_day, faults.gateway_off_s, last)
    };
    (0..fleet.gateways.len()).map(of).collect()
}

/// Who works against the others, and how. `[nodes]`.
pub(super) fn attacks(experiment: &Experiment, fleet: &Fleet) -> Vec<Option<Attack>> {
    let (faults, task) = (&fleet.faults, &fleet.federation.task);
    let trigger = Rc::new(Trigger::of(&experiment.task.train));
    let chosen = chosen(faults.byzantine_share, fleet.nodes.len(), fleet.seed, "byzantine");
    let attack = |(index, is_chosen): (usize, bool)| {
        is_chosen.then(|| Attack {
            kind: faults.byzantine_kind,
            trigger: Rc::clone(&trigger),
            until: faults.until(),
            dev_eui: fleet.nodes[index].dev_eui,
            secret: DeviceSecret::new(fleet.nodes[index].secret),
            codec: node::codec(fleet),
            classes: task.classes.into(),
            columns: usize::from(task.features) + 1,
            rng: Rng::for_purpose(fleet.seed, "byzantine-dice", index as u64),
        })
    };
    chosen.into_iter().enumerate().map(attack).collect()
}
