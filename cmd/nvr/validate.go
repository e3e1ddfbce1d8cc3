package main

import (
	"context"
	"fmt"
)

// validateCommand is nvr validate.
func validateCommand(ctx context.Context, t terminal, args []string) error {
	c, err := configOf(t, args)
	if err != nil {
		return err
	}
	if err := checkOwners(ctx, c); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "valid: %d cameras\n", len(c.Cameras))
	return nil
}
