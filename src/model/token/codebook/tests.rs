//! The density, its pieces, and a source that is recovered.
