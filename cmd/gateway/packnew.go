package main

import "github.com/spf13/cobra"

func newPackNew() *cobra.Command { return &cobra.Command{Use: "new NAME"} }
