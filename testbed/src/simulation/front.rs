//! Concentrators between the air and a backend: what they hear goes one way, what they are to send the other.
use super::backend::{Backend, Order};
use crate::radio::air::Reception;
use crate::radio::{Air, DownlinkRequest, Emission, GatewayIndex, RadioEvent, RadioReport, UplinkHeard};
use chirrup_gateway::core::Heard;
use chirrup_protocol::ids::GatewayId;

/// The concentrators of a run.
pub struct Front<'a, E> {
    /// The air.
    pub air: &'a Air<E>,
    /// Their EUIs, by index.
    pub gateways: &'a [GatewayId],
}

impl<E: From<RadioEvent>> Front<'_, E> {
    /// Carries out an event of the air and tells the backend what came of it.
    pub fn handle<B: Backend>(&self, event: RadioEvent, backend: &mut B) -> Result<(), B::Error> {
        let now = self.air.clock().now();
        match self.air.handle(event) {
            None => Ok(()),
            Some(RadioReport::DownlinkRefused { token, error }) => backend.refused(now, token, error),
            Some(RadioReport::UplinkHeard(uplink)) => {
                self.heard(&uplink).try_for_each(|heard| backend.heard(now, heard))
            }
        }
    }

    /// Has a concentrator send.
    pub fn send<B: Backend>(&self, order: Order, backend: &mut B) -> Result<(), B::Error> {
        let Order { token, concentrator, at, frequency_hz, modulation, power_dbm, phy } = order;
        let gateway = self.gateways.iter().position(|id| *id == concentrator);
        let gateway = GatewayIndex(gateway.expect("the network server knows only these") as u16);
        let emission = Emission { frequency_hz, modulation, power_dbm, phy };
        match self.air.schedule_downlink(at, DownlinkRequest { token, gateway, emission }) {
            Ok(()) => Ok(()),
            Err(error) => backend.refused(self.air.clock().now(), token, error),
        }
    }

    fn heard<'u>(&'u self, uplink: &'u UplinkHeard) -> impl Iterator<Item = Heard> + 'u {
        uplink.receptions.iter().map(|reception: &Reception| Heard {
            concentrator: self.gateways[usize::from(reception.gateway.0)],
            phy: uplink.phy.clone(),
            frequency_hz: uplink.frequency_hz,
            modulation: uplink.modulation,
            rssi_dbm: libm::round(reception.rssi_dbm) as i16,
            snr_tenth_db: libm::round(reception.snr_db * 10.0) as i16,
            counter_us: uplink.ended_at.as_micros() as u32,
        })
    }
}
