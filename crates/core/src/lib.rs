//! Everything two programs share; a list of modules and no code.
