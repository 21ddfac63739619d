// Package config reads the settings of the server: one struct, filled from a YAML file, the
// environment and flags, and checked as a whole. Start at Load. It opens no listener and no
// database, and knows none of the packages that it configures.
package config
