"""What a plan says: tables, KPIs, milestones, prices."""
