//! What can go wrong with the state table.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        batch_get_item::BatchGetItemError, delete_item::DeleteItemError, get_item::GetItemError, put_item::PutItemError, query::QueryError,
        transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
    },
};
use thiserror::Error;

use super::{Item, Key};
use crate::ports::Cause;

/// A failed read or write of the state table.
#[derive(Debug, Error)]
pub enum StateError {
    /// A condition did not hold; `standing` is the item that stands, where DynamoDB gives it (in a transaction: of the
    /// first write whose condition failed).
    #[error("the state has changed meanwhile")]
    Conflict {
        /// The item as it stands.
        standing: Box<Option<Item>>,
    },
    /// DynamoDB could not be reached, throttled us or failed. Nothing may be concluded about a write.
    #[error("the state table could not be reached")]
    Unavailable {
        /// The cause.
        #[source]
        source: Cause,
    },
    /// An item is not of the shape that this version writes.
    #[error("the item {key} of the state table cannot be read")]
    Corrupt {
        /// Which item.
        key: Key,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// We asked for something impossible.
    #[error("the request to the state table is wrong")]
    Bug {
        /// The cause.
        #[source]
        source: Cause,
    },
}

impl StateError {
    pub(super) fn bug(source: impl Into<Cause>) -> Self {
        Self::Bug { source: source.into() }
    }

    pub(super) fn from_sdk<E>(error: SdkError<E>) -> Self
    where
        E: Verdict + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let refusal = error.as_service_error().map(|e| (e.conflict(), e.code().unwrap_or_default().to_owned()));
        match refusal {
            Some((Some(standing), _)) => Self::Conflict { standing: Box::new(standing) },
            Some((None, code)) if matches!(code.as_str(), "ValidationException" | "ResourceNotFoundException" | "AccessDeniedException") => {
                Self::Bug { source: Box::new(error) }
            }
            _ => Self::Unavailable { source: Box::new(error) },
        }
    }

    /// Whether a condition failed, and on which item.
    #[must_use]
    pub fn standing(&self) -> Option<&Item> {
        match self {
            Self::Conflict { standing } => standing.as_ref().as_ref(),
            _ => None,
        }
    }
}

impl From<serde_dynamo::Error> for StateError {
    fn from(source: serde_dynamo::Error) -> Self {
        Self::Bug { source: Box::new(source) }
    }
}

/// Tells a failed condition from every other refusal.
pub(super) trait Verdict {
    /// `Some(item that stands)` where a condition failed.
    fn conflict(&self) -> Option<Option<Item>> {
        None
    }
}

impl Verdict for GetItemError {}
impl Verdict for BatchGetItemError {}
impl Verdict for QueryError {}

macro_rules! conditional {
    ($($error:ident),*) => {$(
        impl Verdict for $error {
            fn conflict(&self) -> Option<Option<Item>> {
                match self {
                    $error::ConditionalCheckFailedException(failed) => Some(failed.item.clone()),
                    _ => None,
                }
            }
        }
    )*};
}
conditional!(PutItemError, UpdateItemError, DeleteItemError);

impl Verdict for TransactWriteItemsError {
    fn conflict(&self) -> Option<Option<Item>> {
        let Self::TransactionCanceledException(cancelled) = self else { return None };
        let mut reasons = cancelled.cancellation_reasons().iter();
        let failed = reasons.find(|reason| reason.code() == Some("ConditionalCheckFailed"))?;
        Some(failed.item.clone())
    }
}
