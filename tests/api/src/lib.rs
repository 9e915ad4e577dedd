//! Tests of the whole API, every service of it: they take long to compile, and so have a package of
//! their own.
