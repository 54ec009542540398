//! The page for people, the status for programs, the metrics for Prometheus, and two health checks. Read only.
use super::driver::Request;
use super::metrics;
use super::mqtt::LinkState;
use super::status::Status;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

const PAGE: &str = include_str!("../../assets/page.html");
/// The page brings all it needs, and may talk to nobody but this service.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// What the answers rest on.
#[derive(Clone)]
pub struct Sources {
    /// To the core's thread.
    pub requests: mpsc::Sender<Request>,
    /// The link to the broker.
    pub link: Arc<LinkState>,
    /// Whether the ledger is applied.
    pub recovered: watch::Receiver<bool>,
}

/// The status, and what the link adds to it.
#[derive(Serialize)]
struct Answer<'s> {
    #[serde(flatten)]
    status: &'s Status,
    mqtt_connected: bool,
    refused_envelopes: u64,
    dropped_receipts: u64,
}

/// The service's pages.
pub fn router(sources: Sources) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/status.json", get(status))
        .route("/metrics", get(prometheus))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(sources)
}

impl Sources {
    /// Asks the core's thread. While the ledger is read, or a crowd asks already, nobody waits.
    async fn status(&self) -> Result<Status, (StatusCode, &'static str)> {
        if !*self.recovered.borrow() {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "the ledger is being read\n"));
        }
        let (reply, answer) = oneshot::channel();
        let busy = (StatusCode::SERVICE_UNAVAILABLE, "busy\n");
        self.requests.try_send(Request::Status { reply }).map_err(|_| busy)?;
        answer.await.map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"))
    }
}

async fn page() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE).into_response()
}

async fn status(State(sources): State<Sources>) -> Response {
    match sources.status().await {
        Ok(status) => {
            let link = &sources.link;
            let answer = Answer {
                status: &status,
                mqtt_connected: link.is_connected(),
                refused_envelopes: link.refused_envelopes(),
                dropped_receipts: link.dropped_receipts(),
            };
            ([NO_STORE], Json(answer)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn prometheus(State(sources): State<Sources>) -> Response {
    match sources.status().await {
        Ok(status) => {
            let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
            ([kind], metrics::text(&status, &sources.link)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// Ready once the ledger is applied and the subscription stands.
async fn ready(State(sources): State<Sources>) -> (StatusCode, &'static str) {
    match (*sources.recovered.borrow(), sources.link.is_connected()) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "the ledger is being read\n"),
        (true, false) => (StatusCode::SERVICE_UNAVAILABLE, "no connection to the broker\n"),
        (true, true) => (StatusCode::OK, "ready\n"),
    }
}
