//! Telling a cluster which search attributes transfers carry. The embedded engine takes any.

use std::collections::HashMap;

use temporalio_client::tonic::{Code, Request};
use temporalio_client::{Client, NamespacedClient};
use temporalio_common::protos::temporal::api::enums::v1::IndexedValueType;
use temporalio_common::protos::temporal::api::operatorservice::v1::AddSearchAttributesRequest;

/// Best effort: a cluster whose administrators keep this to themselves runs transfers all the
/// same, which then cannot be searched for by what they carry.
pub async fn register_marks(client: &Client) {
    let keyword = |name: &str| (name.to_owned(), IndexedValueType::Keyword as i32);
    let wish = AddSearchAttributesRequest {
        search_attributes: workflows::marks::NAMES
            .into_iter()
            .map(keyword)
            .collect::<HashMap<_, _>>(),
        namespace: client.namespace(),
    };
    let mut operators = client.connection().operator_service();
    match operators.add_search_attributes(Request::new(wish)).await {
        Ok(_) => {}
        // There already, or an engine that needs no telling.
        Err(status) if matches!(status.code(), Code::AlreadyExists | Code::Unimplemented) => {}
        Err(status) => tracing::warn!(
            %status,
            names = workflows::marks::NAMES.join(", "),
            "the cluster was not told the search attributes of transfers; its administrator can add \
             them as keywords"
        ),
    }
}
