//! A cache of verified bytes in front of a source.
