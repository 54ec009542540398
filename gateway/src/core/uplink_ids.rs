//! Numbers for uplinks, none of which is given twice, across crashes too.
use chirrup_protocol::backhaul::UplinkId;

/// Ids reserved at a time. A restart skips what is left of a block.
const BLOCK: u64 = 1_024;

/// Hands out ids from blocks that were reserved before use.
#[derive(Clone, Copy, Debug)]
pub struct UplinkIds {
    next: u64,
    reserved_below: u64,
}

impl UplinkIds {
    /// Continues after the last reservation.
    pub fn new(reserved_below: u64) -> Self {
        Self { next: reserved_below, reserved_below }
    }

    /// The next id. A reservation, if there is one, must be durable before the id is used.
    pub fn take(&mut self) -> (UplinkId, Option<u64>) {
        let id = UplinkId(self.next);
        let reservation = (self.next == self.reserved_below).then(|| {
            self.reserved_below += BLOCK;
            self.reserved_below
        });
        self.next += 1;
        (id, reservation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_given_twice_whenever_the_service_restarts() {
        let (mut durable, mut given) = (0, Vec::new());
        for uses in [1, 3, 1_024, 1_025, 2_048, 7] {
            let mut ids = UplinkIds::new(durable);
            for _ in 0..uses {
                let (id, reservation) = ids.take();
                durable = reservation.unwrap_or(durable);
                assert!(id.0 < durable);
                assert!(given.last().is_none_or(|&last| last < id));
                given.push(id);
            }
        }
    }
}
