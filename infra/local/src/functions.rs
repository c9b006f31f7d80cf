//! The functions as handlers. The one place that knows what is behind each route, the stream and the schedules.

use std::sync::Arc;

use passerelle_core::app::{intake::Readers, upsert::Workbench};

use crate::{Installation, gateway::Routes, handler::EventHandler};

/// The five functions.
#[derive(Clone)]
pub struct Functions {
    /// Those behind the HTTP API.
    pub routes: Routes,
    /// Works new and due events.
    pub upsert: EventHandler,
    /// Works the hourly runs.
    pub reconcile: EventHandler,
}

/// Passerelle's functions over an installation: the same code that runs in AWS.
#[must_use]
pub fn wire(installation: &Arc<Installation>) -> Functions {
    let bench = Arc::new(Workbench::default());
    macro_rules! http {
        ($handle:path) => {{
            let world = Arc::clone(installation);
            Arc::new(move |request| {
                let world = Arc::clone(&world);
                Box::pin(async move { Ok($handle(world.ports(), request).await) }) as _
            })
        }};
    }
    macro_rules! event {
        ($handle:path) => {{
            let (world, bench) = (Arc::clone(installation), Arc::clone(&bench));
            Arc::new(move |event, deadline| {
                let (world, bench) = (Arc::clone(&world), Arc::clone(&bench));
                Box::pin(async move { $handle(world.ports(), &bench, event, deadline).await.map_err(Into::into) }) as _
            })
        }};
    }
    Functions {
        routes: Routes {
            intake: {
                let (world, readers) = (Arc::clone(installation), Arc::new(Readers::default()));
                Arc::new(move |request| {
                    let (world, readers) = (Arc::clone(&world), Arc::clone(&readers));
                    Box::pin(async move { Ok(passerelle_trigger_intake::handle(world.ports(), &readers, request).await) }) as _
                })
            },
            oauth: http!(passerelle_oauth_callback::handle),
            console: http!(passerelle_console::handle),
        },
        upsert: event!(passerelle_upsert::handle),
        reconcile: event!(passerelle_reconcile::handle),
    }
}
