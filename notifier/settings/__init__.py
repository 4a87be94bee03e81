"""Settings: defaults < the TOML file < secret files < environment < flags, checked as a whole."""
