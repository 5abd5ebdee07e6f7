//! Words for whoever reads the history next. Always taken while the transfer is not final.

pub(super) fn apply() -> String {
    "it stands in the history".to_owned()
}
