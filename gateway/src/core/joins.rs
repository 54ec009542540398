//! Joins: which request is admitted, and what accept answers it.
use super::counters::Reason;
use super::downlink;
use super::event::Action;
use super::frame::{self, JoinRequest};
use super::server::NetworkServer;
use super::window::Opportunity;
use chirrup_protocol::ids::DevAddr;

impl NetworkServer {
    pub(super) fn admit_join(&mut self, request: &JoinRequest) -> Result<(), Reason> {
        let device = self.devices.get_mut(&request.dev_eui).ok_or(Reason::UnknownDevEui)?;
        let nonces = device.record.dev_nonces.len();
        let admitted = device.admit_join(self.now, request, self.config.join_interval);
        if device.record.dev_nonces.len() > nonces {
            self.actions.push_back(Action::StoreDevice(device.record.clone()));
        }
        admitted
    }

    pub(super) fn answer_join(&mut self, mut opportunity: Opportunity, request: &JoinRequest) {
        opportunity.unheard = self.devices.get(&request.dev_eui).and_then(|device| device.unheard_accept());
        let accept_bytes = frame::join_accept_bytes(self.config.channel_group);
        let slot = match self.schedule.choose(self.now, &opportunity, accept_bytes) {
            Ok(slot) => slot,
            Err(reason) => return self.counters.discard(reason),
        };
        let Some(dev_addr) = self.free_address(request) else {
            return self.counters.discard(Reason::DevAddrExhausted);
        };
        let Some(device) = self.devices.get_mut(&request.dev_eui) else { return };
        if let Some(unheard) = device.make_room() {
            self.addresses.remove(&unheard);
        }
        let accept = device.join(request, dev_addr, slot.window, &self.config);
        self.actions.push_back(Action::StoreDevice(device.record.clone()));
        self.addresses.insert(dev_addr, request.dev_eui);
        self.counters.joins += 1;
        self.transmit(slot, accept.clone(), downlink::Content::Join { opportunity, accept });
    }

    /// An address that no session has, the same one for the same history.
    fn free_address(&self, request: &JoinRequest) -> Option<DevAddr> {
        let [.., a, b, c, d] = request.dev_eui.0;
        let seed = u32::from_be_bytes([a, b, c, d]);
        (0..=self.addresses.len() as u32)
            .map(|step| frame::address_in_network(seed.wrapping_add(step), self.config.net_id))
            .find(|address| !self.addresses.contains_key(address))
    }
}
